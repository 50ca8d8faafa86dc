import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
// In a project of yours: from the client's package.
import type { DrivewayEvent } from '../../client/src/node.ts'
import { firstBytes, store } from './machine.ts'
import { thumbnailOf } from './thumbnail.ts'

// A server that hears of each stored document, reads it as a machine, and stores a thumbnail beside it, in the user's drive.
//
//   driveway listen --forward-to http://localhost:3000/hook      prints the secret
//   WEBHOOK_SECRET=whsec_… node examples/webhook-server/server.ts
//   driveway trigger document.stored
//
// At a deployment: DRIVEWAY_URL, the issuer's TOKEN_URL with the CLIENT_ID and CLIENT_SECRET of a machine, and the secret that
// POST /v1/webhooks has answered. At the local stack nothing but WEBHOOK_SECRET has to be set.
const secret = process.env['WEBHOOK_SECRET']
if (secret === undefined) {
  console.error('WEBHOOK_SECRET has to be what the webhook is signed with.')
  process.exit(2)
}
const webhook = new Webhook(secret)
const port = Number(process.env['PORT'] ?? 3000)
const suffix = '.thumb'

/** Ids of what was done already. An app that is restarted keeps them in its database. */
const handled = new Set<string>()
const remembered = 10_000

async function act({ type, data }: DrivewayEvent): Promise<void> {
  // A thumbnail is a document, too.
  if (type !== 'document.stored' || data.documentId.endsWith(suffix)) return
  const { userId, documentId, connectionId } = data
  const thumbnailId = `${documentId}${suffix}`
  if (thumbnailId.length > 128) return
  // Whatever stands now is read, so that an event that comes late does no harm.
  const bytes = await firstBytes(userId, documentId, 1024)
  if (bytes === undefined) return
  const body = thumbnailOf(bytes)
  await store(userId, thumbnailId, connectionId, { extension: '.svg', contentType: 'image/svg+xml', body })
  console.log(`stored ${thumbnailId} of ${userId}`)
}

/** The status to answer. What could not be done is answered 500, and comes again. */
async function hear(headers: Record<string, string>, body: Buffer): Promise<number> {
  let event: DrivewayEvent
  try {
    // Throws for what is forged, altered, or older than five minutes.
    event = webhook.verify(body, headers) as DrivewayEvent
  } catch {
    console.log('refused what was not signed for us, or is old')
    return 400
  }
  // The same event again, from the deployment or from somebody who has recorded it.
  const id = headers['webhook-id'] ?? ''
  if (handled.has(id)) return 204
  try {
    await act(event)
  } catch (error) {
    console.error(error instanceof Error ? error.message : 'it failed')
    return 500
  }
  handled.add(id)
  const [oldest] = handled
  if (handled.size > remembered && oldest !== undefined) handled.delete(oldest)
  return 204
}

createServer((request, response) => {
  const answer = (status: number): void => void response.writeHead(status).end()
  if (request.method !== 'POST') return answer(405)
  buffer(request)
    .then((body) => hear(request.headers as Record<string, string>, body))
    .then(answer, () => response.destroy())
}).listen(port, '127.0.0.1', () => console.log(`hears webhooks at http://localhost:${port}`))
