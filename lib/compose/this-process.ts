import { compose } from './compose.ts'

/** What the deployed handlers work with. */
export const thisProcess = compose(process.env)
