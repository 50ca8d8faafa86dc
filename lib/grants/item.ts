import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { GrantOf } from '../catalog/grants.ts'
import { ServiceError } from '../errors.ts'
import { secret } from '../secret.ts'
import type { Item } from './cell.ts'
import { itemAt, itemOf, nonceBytes } from './cell.ts'
import type { PasswordCredentials } from './grant.ts'
import type { SealKeySource } from './seal.ts'
import type { Secret } from '../secret.ts'

/** What a connection's user has given us: a refresh token, or an app password. */
export type HeldGrant = { readonly refreshToken: Secret } | { readonly password: PasswordCredentials }

/** Whose item it is, and the key of that grant's row. */
export interface ItemOwner extends Pick<GrantOf, 'connectionId' | 'provider'> {
  readonly key: Uint8Array
}

// Few grants are passwords.
const packing = () => import('./packing.ts')

const algorithm = 'aes-256-gcm'
const tagBytes = 16
/** The first byte of what is sealed. */
const kinds = { refreshToken: 0, password: 1 } as const

/** A new row key: 256 random bits. */
export const newRowKey = (): Uint8Array => randomBytes(32)

/**
 * Seals a grant for one consent of one connection. It opens with the sealing key and that row's key together:
 * take the row's key away, and no copy of it opens any more. It is not bound to the secret that it lies in,
 * so whoever copies it needs neither key.
 */
export async function sealItem(
  keys: SealKeySource,
  owner: ItemOwner,
  grant: HeldGrant,
  issuedAt: number,
): Promise<{ readonly item: Uint8Array; readonly sealedWith: string }> {
  const { current: keyId, keys: all } = await keys(false)
  const key = all.get(keyId)
  if (key === undefined)
    throw new ServiceError('internal_error', 'The current sealing key is not in the key set.')
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, itemKey(key, owner), nonce, { authTagLength: tagBytes })
  cipher.setAAD(additionalData(owner, issuedAt, keyId))
  const [kind, text] =
    'password' in grant
      ? [kinds.password, (await packing()).packPassword(grant.password)]
      : [kinds.refreshToken, grant.refreshToken]
  const body = Buffer.concat([
    cipher.update(Buffer.of(kind)),
    cipher.update(text.reveal(), 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return {
    item: itemOf({ connectionId: owner.connectionId, issuedAt, keyId, nonce, body }),
    sealedWith: keyId,
  }
}

/** Undefined when it is not this owner's, was altered, or its sealing key is gone. */
export async function openItem(
  keys: SealKeySource,
  owner: ItemOwner,
  given: Item | Uint8Array,
): Promise<HeldGrant | undefined> {
  const { connectionId, issuedAt, keyId, nonce, body } = given instanceof Uint8Array ? itemAt(given) : given
  const key = (await keys(false)).keys.get(keyId) ?? (await keys(true)).keys.get(keyId)
  if (key === undefined || connectionId !== owner.connectionId || body.length <= tagBytes) return undefined
  try {
    const decipher = createDecipheriv(algorithm, itemKey(key, owner), nonce, { authTagLength: tagBytes })
    decipher.setAAD(additionalData(owner, issuedAt, keyId))
    decipher.setAuthTag(body.subarray(body.length - tagBytes))
    const plain = Buffer.concat([decipher.update(body.subarray(0, body.length - tagBytes)), decipher.final()])
    const text = secret(plain.toString('utf8', 1))
    return plain[0] === kinds.password
      ? { password: (await packing()).unpackPassword(text) }
      : { refreshToken: text }
  } catch {
    return undefined
  }
}

function itemKey(sealingKey: Buffer, { key, connectionId }: ItemOwner): Buffer {
  const material = Buffer.concat([sealingKey, key])
  return Buffer.from(hkdfSync('sha256', material, connectionId, 'driveway grant v2', 32))
}

function additionalData({ provider, connectionId }: ItemOwner, issuedAt: number, keyId: string): Buffer {
  return Buffer.from(`v2.${keyId}.${provider}.${connectionId}.${String(issuedAt)}`)
}
