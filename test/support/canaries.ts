/** What kind of bearer secret a canary is. */
export type CanaryKind =
  | 'access token'
  | 'refresh token'
  | 'id token'
  | 'authorization code'
  | 'PKCE verifier'
  | 'client secret'
  | 'session URL'
  | 'download URL'
  | 'state'
  | 'completion code'
  | 'caller token'
  | 'presigned URL'
  | 'content link'
  | 'webhook secret'
  | 'sealing key'

export interface Canaries {
  /** Remembers a secret, so that any piece of it is found from now on. Short ones are no secrets. */
  plant(kind: CanaryKind, value: string | null | undefined): void
  /** How many of each kind were planted. */
  counts(): Partial<Record<CanaryKind, number>>
  /** The planted secrets of a kind. */
  values(kind: CanaryKind): string[]
  /**
   * Kinds whose secrets, or pieces of 20 characters and more of them,
   * stand in `text`: as they are, percent-encoded or in base64.
   */
  find(text: string): CanaryKind[]
  /** As `find`, for bytes of any kind and with no decoding. */
  findRaw(text: string): CanaryKind[]
}

const gram = 12
/**
 * Only every so many positions of a text are looked up: a piece of
 * `gram + stride - 1` characters cannot slip through.
 */
const stride = 8
const shortest = 20

export function openCanaries(): Canaries {
  const planted = new Map<string, CanaryKind>()
  const grams = new Map<string, CanaryKind>()

  const index = (kind: CanaryKind, text: string): void => {
    for (let at = 0; at + gram <= text.length; at += 1) grams.set(text.slice(at, at + gram), kind)
  }
  const findRaw = (text: string): CanaryKind[] => {
    const found = new Set<CanaryKind>()
    for (let at = 0; at + gram <= text.length; at += stride) {
      const kind = grams.get(text.slice(at, at + gram))
      if (kind !== undefined) found.add(kind)
    }
    return [...found]
  }
  return {
    plant(kind, value) {
      if (typeof value !== 'string' || value.length < shortest || planted.has(value)) return
      planted.set(value, kind)
      // The header of a JWT is the same for all of an issuer's.
      index(kind, value.startsWith('eyJ') ? value.slice(value.indexOf('.') + 1) : value)
    },
    counts() {
      const counts: Partial<Record<CanaryKind, number>> = {}
      for (const kind of planted.values()) counts[kind] = (counts[kind] ?? 0) + 1
      return counts
    },
    values: (kind) => [...planted].filter(([, of]) => of === kind).map(([value]) => value),
    find: (text) => [...new Set([text, percentDecoded(text), ...base64Decoded(text)].flatMap(findRaw))],
    findRaw,
  }
}

function percentDecoded(text: string): string {
  return text.replaceAll(/%[0-9A-Fa-f]{2}/g, (code) =>
    String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  )
}

function base64Decoded(text: string): string[] {
  return [...text.matchAll(/[A-Za-z0-9+/_-]{28,}/g)].map(([run]) =>
    Buffer.from(run, 'base64').toString('latin1'),
  )
}
