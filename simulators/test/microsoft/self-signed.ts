import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A key and a self-signed certificate for it, both PEM. */
export interface Certificate {
  key: string
  cert: string
}

/** One DER element. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const utcTime = (date: Date) =>
  der(0x17, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/gu, '').slice(2, 14)}Z`))

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

/** Makes a certificate that is its own authority, for these DNS names and 127.0.0.1, good for two days. */
export function selfSigned(names: string[]): Certificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const day = 86_400_000
  const subject = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from('simulator test')))))
  const alternatives = sequence(
    ...names.map((name) => der(0x82, Buffer.from(name))),
    der(0x87, Buffer.from([127, 0, 0, 1])),
  )
  const extensions = der(
    0xa3,
    sequence(
      sequence(oid('551d11'), der(0x04, alternatives)),
      sequence(
        oid('551d13'),
        der(0x01, Buffer.from([0xff])),
        der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
      ),
    ),
  )
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_SHA256,
    subject,
    sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(Date.now() + day))),
    subject,
    spki,
    extensions,
  )
  const signature = sign('sha256', body, privateKey)
  const cert = sequence(body, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature))
  // PEM wants lines of 64 and no empty one, which would otherwise come when the length happens to fit.
  const lines =
    cert
      .toString('base64')
      .match(/.{1,64}/gu)
      ?.join('\n') ?? ''
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}
