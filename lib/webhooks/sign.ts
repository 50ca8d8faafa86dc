import { createHmac, randomBytes } from 'node:crypto'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'

/** As the specification writes secrets. https://github.com/standard-webhooks/standard-webhooks */
const prefix = 'whsec_'
const secretBytes = 32

export function newWebhookSecret(): Secret {
  return secret(`${prefix}${randomBytes(secretBytes).toString('base64')}`)
}

/**
 * The headers by which an endpoint knows that a delivery is ours, and new: signed by each of `secrets`, so
 * that one can be changed without a gap. `now`: epoch milliseconds.
 */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly Secret[],
  now: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000))
  const signatures = secrets.map((each) => {
    const key = Buffer.from(each.reveal().slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
