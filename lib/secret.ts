import { inspect } from 'node:util'

const redacted = '[redacted]'

/**
 * A value that must never be printed: a token, a code, a client secret, a session URL. String conversion,
 * JSON and `util.inspect` show `[redacted]`. Only `reveal()` gives the text, where it goes onto the wire or
 * is sealed.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  [inspect.custom](): string {
    return redacted
  }
}

/** Wraps `value` so that it cannot be printed. */
export function secret(value: string): Secret {
  return new Secret(value)
}

/** What a sealed value is. It opens as nothing else. */
export type SealedKind =
  | 'access token'
  | 'refresh token'
  | 'authorization code'
  | 'code verifier'
  | 'completion code'
  | 'grant'
  | 'upload session'
  | 'content link'
  | 'webhook secret'

/**
 * What makes a bearer secret safe to store in a table. Its kind and `boundTo` (the connection's id) go in
 * with it: a sealed value does not open in another's place, nor in another connection's row.
 */
export interface Sealer {
  seal(value: Secret, kind: SealedKind, boundTo: string): Promise<string>
  /** `internal_error` when it was altered, is of another kind or another `boundTo`, or its key is gone. */
  open(sealed: string, kind: SealedKind, boundTo: string): Promise<Secret>
}
