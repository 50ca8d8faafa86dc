import { createHash, randomBytes } from 'node:crypto'

/** Where ids, tokens and fault positions come from; the same sequence for the same seed. */
export interface Random {
  bytes(length: number): Buffer
  /** url-safe characters (base64url), `length` of them */
  text(length: number): string
  /** a whole number from 0 up to, not including, `below` */
  integer(below: number): number
}

/**
 * A source of randomness. With a seed it is deterministic: SHA-256 over (seed, run, counter).
 * @param run the how-manieth start on the same state this is, so
 * that a restart does not repeat ids already given out
 */
export function openRandom(seed?: number, run = 1): Random {
  let counter = 0
  const bytes =
    seed === undefined
      ? (length: number) => randomBytes(length)
      : (length: number) => {
          const blocks: Buffer[] = []
          for (let have = 0; have < length; have += 32) {
            blocks.push(createHash('sha256').update(`${seed}:${run}:${counter++}`).digest())
          }
          return Buffer.concat(blocks).subarray(0, length)
        }
  return {
    bytes,
    text: (length) =>
      bytes(Math.ceil((length * 3) / 4) + 1)
        .toString('base64url')
        .slice(0, length),
    integer: (below) => bytes(6).readUIntBE(0, 6) % below,
  }
}
