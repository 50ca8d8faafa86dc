/** Whether everything is tried, as the part `whole` of `npm run verify` does. */
export const whole = process.env['DRIVEWAY_TEST_WHOLE'] === '1'

/**
 * Of many like cases every `step`th, counted from `first`; all of them where the whole is tried. Two lists
 * that begin at different places try different ones of the same kinds.
 */
export const sampleOf = <Case>(cases: readonly Case[], step: number, first = 0): readonly Case[] =>
  whole ? cases : cases.filter((_, at) => at % step === first)
