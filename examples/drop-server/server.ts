import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { drivewayEvents } from './events.ts'

// A server that never calls the API: it drops the files of a folder into the intake bucket, and moves each to done/ or failed/
// when the deployment's event says how it ended.
//
//   node examples/drop-server/server.ts <folder> <userKey> <connectionId>
//
// On AWS: INTAKE_BUCKET, EVENTS_QUEUE_URL (an SQS queue behind an EventBridge rule for source "driveway"), and a role that may
// PutObject under {userKey}/. At the local stack nothing has to be set.
const [folder, userKey, connectionId] = process.argv.slice(2)
if (folder === undefined || userKey === undefined || connectionId === undefined) {
  console.error('Usage: node examples/drop-server/server.ts <folder> <userKey> <connectionId>')
  process.exit(2)
}
const bucket = process.env['INTAKE_BUCKET'] ?? 'driveway-intake'
const queueUrl = process.env['EVENTS_QUEUE_URL']
const localPort = Number(process.env['DRIVEWAY_PORT'] ?? 8787)
const local = {
  endpoint: `http://127.0.0.1:${localPort + 3}`,
  region: 'eu-central-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
}
const s3 = new S3Client(queueUrl === undefined ? local : {})
/** Files under way, by documentId. */
const waiting = new Map<string, string>()

/** Drops every file that is not under way yet. The key says all: whose, through which connection, and under which name. */
async function dropNewFiles(from: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true })
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    const extension = extname(name)
    const documentId = name.slice(0, name.length - extension.length)
    const fits =
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(documentId) && /^(\.[A-Za-z0-9]{1,16})?$/.test(extension)
    if (!fits || waiting.has(documentId)) continue
    waiting.set(documentId, name)
    const path = join(from, name)
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: `${userKey}/${connectionId}/${documentId}${extension}`,
        Body: createReadStream(path),
        ContentLength: (await stat(path)).size,
        ContentType: extension === '.pdf' ? 'application/pdf' : 'application/octet-stream',
      }),
    )
    console.log(`dropped ${name}`)
  }
}

async function settle(from: string, documentId: string, outcome: 'done' | 'failed'): Promise<void> {
  const name = waiting.get(documentId)
  if (name === undefined) return
  await mkdir(join(from, outcome), { recursive: true })
  await rename(join(from, name), join(from, outcome, name))
  waiting.delete(documentId)
  console.log(`${outcome} ${name}`)
}

async function watchFolder(from: string): Promise<never> {
  for (;;) {
    await dropNewFiles(from)
    await sleep(1000)
  }
}

async function followEvents(from: string): Promise<void> {
  for await (const event of drivewayEvents({ queueUrl, localPort })) {
    if (event.detail.connectionId !== connectionId) continue
    if (event.type === 'Document Stored') await settle(from, event.detail.documentId, 'done')
    if (event.type === 'Document Failed') await settle(from, event.detail.documentId, 'failed')
    // Parked: the user has to reconnect. The file is delivered by itself afterwards, and Document Stored follows.
    if (event.type === 'Document Parked')
      console.log(`waiting for the user to reconnect: ${event.detail.documentId}`)
  }
}

await Promise.all([watchFolder(folder), followEvents(folder)])
