import { Transform } from 'node:stream'
import { preludeEnd } from './response-stream.ts'

/** Lambda looks for the end of the prelude in the first 16 KB. */
const maxPreludeBytes = 16 * 1024

/** Takes the prelude off a streamed HTTP answer and hands it to `take`; what follows passes through. */
export function preludeParser(take: (prelude: unknown) => void): Transform {
  let held: Buffer | undefined = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (held === undefined) return done(null, chunk)
      held = Buffer.concat([held, chunk])
      const end = held.indexOf(preludeEnd)
      if (end === -1) {
        return held.length > maxPreludeBytes ? done(new Error('The answer has no prelude.')) : done()
      }
      const rest = held.subarray(end + preludeEnd.length)
      try {
        take(JSON.parse(held.subarray(0, end).toString('utf8')))
      } catch {
        return done(new Error('The answer’s prelude is not JSON.'))
      }
      held = undefined
      return rest.length > 0 ? done(null, rest) : done()
    },
    flush(done) {
      done(held === undefined ? null : new Error('The answer ended before its prelude.'))
    },
  })
}
