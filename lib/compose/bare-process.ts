import { systemClock } from '../clock.ts'
import { settingsOf } from '../contract/env.ts'
import { sendRequest } from '../net/http-client.ts'
import type { Composition } from './composition.ts'
import type { Outside } from './outside.ts'

/** As much of a process as a function needs that reads no row: it starts without a client of AWS. */
export type BareProcess = Pick<Composition, 'settings' | 'clock'> & {
  readonly outside: Pick<Outside, 'http'>
}

export const bareProcess: BareProcess = {
  settings: settingsOf(process.env),
  clock: systemClock,
  outside: { http: sendRequest },
}
