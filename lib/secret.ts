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

/**
 * What makes a bearer secret safe to store in a table. `boundTo` (the connection's id) goes in with it, so a
 * sealed value that is copied into another connection's row does not open.
 */
export interface Sealer {
  seal(value: Secret, boundTo: string): Promise<string>
  /** `internal_error` when the value was altered, belongs to another `boundTo`, or its key is gone. */
  open(sealed: string, boundTo: string): Promise<Secret>
}
