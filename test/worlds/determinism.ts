import crypto from 'node:crypto'
import module from 'node:module'
import timers from 'node:timers'
import { diceOf } from './dice.ts'
import type { Mutation, MutationName } from './mutations.ts'
import { mutations } from './mutations.ts'

/**
 * Loaded before anything else (`node --import ./test/worlds/determinism.ts`): time, chance and timers of this
 * whole process are a world's. What the project takes from outside goes through `Outside` anyway; this is for
 * what lies in libraries and in the simulators, so that one seed gives one run to the byte.
 */

if ('__vitest_worker__' in globalThis)
  throw new Error('A world takes the timers of its whole process: it is played in one of its own.')

/** Who tells the time and runs what is due. */
export interface TimeKeeper {
  readonly now: number
  /** Answers what calls it off. */
  after(ms: number, run: () => void): () => void
}

const still: TimeKeeper = { now: Date.UTC(2027, 0, 1), after: () => () => undefined }
let keeper = still
let chance = diceOf(1)

/** From here on time and chance are this world's. */
export function enterWorld(next: TimeKeeper, seed: number): void {
  keeper = next
  chance = diceOf(seed ^ 0x5bd1e995)
}

const RealDate = globalThis.Date
class WorldDate extends RealDate {
  constructor(...given: ConstructorParameters<typeof Date> | []) {
    super(...((given.length === 0 ? [keeper.now] : given) as [number]))
  }
  static override now(): number {
    return keeper.now
  }
}
Object.assign(globalThis, { Date: WorldDate })
Object.defineProperty(performance, 'now', { value: () => keeper.now })

const hexDigits = (count: number): string =>
  Array.from({ length: count }, () => Math.floor(chance() * 16).toString(16)).join('')
Object.assign(crypto, {
  randomUUID: () => `${hexDigits(8)}-${hexDigits(4)}-4${hexDigits(3)}-8${hexDigits(3)}-${hexDigits(12)}`,
  randomBytes: (count: number) => Buffer.from(hexDigits(2 * count), 'hex'),
})
Math.random = () => chance()

interface Timer {
  readonly callOff: () => void
  ref(): Timer
  unref(): Timer
  hasRef(): boolean
}
const timer = (callOff: () => void): Timer => {
  const made: Timer = { callOff, ref: () => made, unref: () => made, hasRef: () => false }
  return made
}
const worldTimers = {
  setTimeout: (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
    timer(keeper.after(ms, () => run(...given))),
  clearTimeout: (set?: Timer) => set?.callOff(),
}
Object.assign(timers, worldTimers)
Object.assign(globalThis, worldTimers)
AbortSignal.timeout = (ms) => {
  const ended = new AbortController()
  keeper.after(ms, () => ended.abort(new DOMException('The operation timed out.', 'TimeoutError')))
  return ended.signal
}
module.syncBuiltinESMExports()

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' })

/** Small enough that a transfer of several fragments is cheap; a multiple of what both drives ask for. */
export const fragmentBytes = 1_280 * 1024
/** Content above it has its way recorded, and goes through a session. */
export const smallBytes = 4 * 1024

/** Sizes of the project that would make worlds slow, by file. */
const sizes: readonly (readonly [file: string, line: RegExp, size: number])[] = [
  ['/lib/contract/limits.ts', /(export const chunkSize = ).*/, fragmentBytes],
  ['/lib/transfer/hall.ts', /(smallBytes: )\d[\d *]+(?=,)/, smallBytes],
  ['/lib/providers/google-drive/multipart.ts', /(export const multipartBytes = ).*/, 4 * smallBytes],
  ['/lib/providers/s3/driver.ts', /(const singlePutBytes = ).*/, 4 * smallBytes],
]
const brokenBy = process.argv.indexOf('--break') + 1
const mutation: Mutation | undefined =
  brokenBy === 0 ? undefined : mutations[(process.argv[brokenBy] ?? '') as MutationName]
const rulesOf = (url: string, source: string): string => {
  if (mutation === undefined || !url.endsWith(mutation.file)) return source
  if (!source.includes(mutation.rule)) throw new Error(`The rule in ${mutation.file} stands elsewhere now.`)
  return source.replace(mutation.rule, mutation.without)
}
const hashes = new URL('hashes.ts', import.meta.url).href
module.registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'hash-wasm'
      ? { url: hashes, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
  load(url, context, next) {
    const loaded = next(url, context)
    if (mutation && url.endsWith(mutation.file))
      return { ...loaded, source: rulesOf(url, Buffer.from(loaded.source as Uint8Array).toString()) }
    const found = sizes.find(([file]) => url.endsWith(file))
    if (!found) return loaded
    const [file, line, size] = found
    const source = Buffer.from(loaded.source as Uint8Array).toString()
    if (!line.test(source)) throw new Error(`The size in ${file} stands elsewhere now.`)
    return { ...loaded, source: source.replace(line, `$1${String(size)}`) }
  },
})
