import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Seals values for the disk. `context` binds a value to its place: opened elsewhere, it fails. */
export interface Cipher {
  seal(plain: Buffer, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
}

const keyBytes = 32
const ivBytes = 12
const tagBytes = 16

/** The key in `directory`, made on first use; a start that is killed half-way never leaves half a key. */
const loadKey = (directory: string): Buffer => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'secrets.key')
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, randomBytes(keyBytes), { mode: 0o600 })
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    unlinkSync(draft)
  }
  const key = readFileSync(path)
  if (key.length !== keyBytes)
    throw new Error('the local secrets key is damaged; `npm run reset` starts afresh')
  return key
}

/**
 * AES-256-GCM with a key file (mode 0600) in `directory`. A sealed value is iv, tag and ciphertext in one.
 */
export const openCipher = (directory: string): Cipher => {
  const key = loadKey(directory)
  return {
    seal: (plain, context) => {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), sealed])
    },
    open: (sealed, context) => {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes))
      decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes))
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()])
    },
  }
}
