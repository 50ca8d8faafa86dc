import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So many bytes of chunks may lie about before they are collected. */
const everyBytes = 8 * 1024 * 1024

/**
 * Some chunks outlive two of these and are then old: so often the
 * old generation's turn comes as well, which takes some 10 ms.
 */
const majorEvery = 16

type Collect = (options: { readonly type: 'minor' | 'major'; readonly execution: 'sync' }) => void

let collect: Collect | undefined
/** Of all transfers in the process together. */
let bytesSince = 0
let collections = 0

/**
 * Gives back the memory of chunks that have been sent. V8 sees only a small object for
 * each chunk and not the 64 KiB behind it, so by itself it lets some 100 MiB of them pile
 * up; a collection of the young generation takes about a millisecond and gives them back.
 * https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function releaseSpentChunks(bytes: number): void {
  bytesSince += bytes
  if (bytesSince < everyBytes) return
  bytesSince = 0
  collect ??= exposeCollector()
  collections += 1
  collect({ type: collections % majorEvery === 0 ? 'major' : 'minor', execution: 'sync' })
}

function exposeCollector(): Collect {
  setFlagsFromString('--expose-gc')
  const exposed: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return typeof exposed === 'function'
    ? (options) => void Reflect.apply(exposed, undefined, [options])
    : () => undefined
}
