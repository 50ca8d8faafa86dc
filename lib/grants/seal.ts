import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { SealedKind, Sealer } from '../secret.ts'
import { secret } from '../secret.ts'

/** The keys that values are sealed with: `current` seals, all of them open. */
export interface SealKeys {
  readonly current: string
  readonly keys: ReadonlyMap<string, Buffer>
}

/** Where keys come from. `fresh` asks past any cache: a value came with a key that is not known yet. */
export type SealKeySource = (fresh: boolean) => Promise<SealKeys>

const format = 'v2'
/** Sealed without their kind, by an earlier version; they end within days, or are moved. */
const oldFormat = 'v1'
const nonceBytes = 12
const tagBytes = 16

/**
 * Makes the 32-byte key from a key set's entry: any text of at least 43 random characters. Deriving takes
 * both what `openssl rand -base64 32` gives and what Secrets Manager generates by itself.
 */
export function sealKey(material: string): Buffer {
  if (material.length < 43)
    throw new ServiceError('internal_error', 'A sealing key is shorter than 256 bits.')
  return Buffer.from(hkdfSync('sha256', material, '', 'driveway sealing key v1', 32))
}

/**
 * AES-256-GCM with the current key of `keys`: `v2.{keyId}.{nonce}.{ciphertext and tag}`, base64url. A nonce
 * is 96 random bits: safe for far more than 2^32 values a key.
 * https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf (8.3)
 */
export function createSealer(keys: SealKeySource): Sealer {
  return {
    async seal(value, kind, boundTo) {
      const set = await keys(false)
      const key = set.keys.get(set.current)
      if (key === undefined)
        throw new ServiceError('internal_error', 'The current sealing key is not in the key set.')
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(additionalData(format, set.current, kind, boundTo))
      const body = Buffer.concat([cipher.update(value.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()])
      return [format, set.current, nonce.toString('base64url'), body.toString('base64url')].join('.')
    },
    async open(sealed, kind, boundTo) {
      const [version = '', keyId, nonce, body, ...rest] = sealed.split('.')
      if (
        ![format, oldFormat].includes(version) ||
        keyId === undefined ||
        nonce === undefined ||
        body === undefined ||
        rest.length > 0
      )
        throw unopenable()
      const key = (await keys(false)).keys.get(keyId) ?? (await keys(true)).keys.get(keyId)
      if (key === undefined) throw unopenable()
      return secret(
        decrypt(
          key,
          Buffer.from(nonce, 'base64url'),
          Buffer.from(body, 'base64url'),
          additionalData(version, keyId, kind, boundTo),
        ),
      )
    },
  }
}

function decrypt(key: Buffer, nonce: Buffer, body: Buffer, data: Buffer): string {
  if (nonce.length !== nonceBytes || body.length < tagBytes) throw unopenable()
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(data)
    decipher.setAuthTag(body.subarray(body.length - tagBytes))
    return Buffer.concat([
      decipher.update(body.subarray(0, body.length - tagBytes)),
      decipher.final(),
    ]).toString('utf8')
  } catch {
    throw unopenable()
  }
}

function additionalData(version: string, keyId: string, kind: SealedKind, boundTo: string): Buffer {
  const what = version === oldFormat ? boundTo : `${kind}.${boundTo}`
  return Buffer.from(`${version}.${keyId}.${what}`, 'utf8')
}

function unopenable(): ServiceError {
  return new ServiceError('internal_error', 'A sealed value could not be opened.')
}
