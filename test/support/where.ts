/** Tests of what only some providers have. */
export function where(has: boolean, tests: () => void): void {
  if (has) tests()
}
