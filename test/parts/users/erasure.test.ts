import { join } from 'node:path'
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ScanCommand } from '../../../lib/aws/dynamo.ts'
import { compose } from '../../../lib/compose/compose.ts'
import type { Composition } from '../../../lib/compose/composition.ts'
import { openComplete } from '../../../lib/compose/connections.ts'
import { openDocuments } from '../../../lib/compose/documents.ts'
import { openStartIntake } from '../../../lib/compose/intake.ts'
import { openErasure } from '../../../lib/compose/users.ts'
import { startConnection } from '../../../lib/connections/authorize.ts'
import { handleCallback } from '../../../lib/connections/callback.ts'
import { completeConnection } from '../../../lib/connections/complete.ts'
import { tables } from '../../../lib/contract/tables.ts'
import { putDocument } from '../../../lib/documents/put-document.ts'
import { parseDocumentId, parseExtension } from '../../../lib/ids.ts'
import { startParts } from '../../../lib/intake/parts.ts'
import { pack } from '../../../lib/grants/pack.ts'
import { beginErasure } from '../../../lib/users/begin-erasure.ts'
import { eraseUser } from '../../../lib/users/erase.ts'
import { eraseUsers } from '../../../lib/users/erase-users.ts'
import { startAwsStack } from '../../../emulators/stack.ts'
import { createTables } from '../../../emulators/tables.ts'
import { startGoogleSimulator } from '../../../simulators/google/server.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import { putSecret, secretPrefix } from '../../support/grants-stack.ts'
import { caller, clients, clientSecretOf, consent, publicUrl, returnUrl } from '../../support/grants-world.ts'
import { must } from '../../support/intake-world.ts'
import type { Life } from '../../support/mortal-outside.ts'
import { environmentOf, immortal, mortalOutside } from '../../support/mortal-outside.ts'
import { mortality } from '../../support/mortality.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const hour = 3_600_000

/** Emulators, a drive, and processes on one clock that can be moved. */
async function openWorld() {
  const folder = await temporaryFolder()
  let offset = 0
  const now = (): number => Date.now() + offset
  const aws = await startAwsStack({
    ports: { s3: 0, dynamoDb: 0, sqs: 0, secrets: 0 },
    stateDir: join(folder.path, 'aws'),
  })
  await createTables(aws.dynamoDb, tables)
  const google = await startGoogleSimulator({
    port: 0,
    stateDir: join(folder.path, 'google'),
    clock: { now, advance: (ms: number) => void (offset += ms) },
    clients: [clients['google-drive']],
  })
  await putSecret(
    aws.secrets,
    'seal-key',
    JSON.stringify({ current: 'k1', keys: { k1: Buffer.alloc(32, 7).toString('base64') } }),
  )
  await putSecret(aws.secrets, 'oauth/google', JSON.stringify(clientSecretOf('google-drive')))
  const environment = environmentOf(aws)
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  const settings = {
    ...environment,
    ...Object.fromEntries(tables.map(({ name }) => [`${name.toUpperCase()}_TABLE`, name])),
    SECRET_PREFIX: secretPrefix,
    SECRET_RECOVERY_DAYS: '0',
    INTAKE_BUCKET: 'driveway-intake',
    STORAGE_BUCKET: 'driveway-storage',
    STORAGE_ENDPOINT: aws.s3,
    SHORT_QUEUE_URL: aws.shortQueueUrl,
    LONG_QUEUE_URL: aws.longQueueUrl,
    EVENT_BUS: 'driveway',
    WEBHOOKS_QUEUE_URL: aws.shortQueueUrl,
    PUBLIC_URL: publicUrl,
    ALLOWED_RETURN_URLS: 'https://app.example.com',
    GOOGLE_ENDPOINT: google.origin,
    LOG_LEVEL: 'SILENT',
  }
  /** A process of its own, which may die at any call that leaves it. */
  const open = (life: Life = immortal): Composition => {
    const clock = {
      now,
      sleep: (ms: number): Promise<void> => {
        offset += Math.ceil(ms)
        return Promise.resolve()
      },
    }
    return compose(settings, mortalOutside(settings, clock, life))
  }
  const main = open()
  return {
    aws,
    google,
    main,
    open,
    advance: (ms: number) => void (offset += ms),
    async events() {
      return (await (await fetch(`${aws.secrets}/_local/events`)).json()) as {
        readonly 'detail-type': string
        readonly detail: Readonly<Record<string, unknown>>
      }[]
    },
    async close() {
      vi.unstubAllEnvs()
      await google.close()
      await aws.close()
      await folder.remove()
    },
  }
}

let world: Awaited<ReturnType<typeof openWorld>>
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

async function connectDrive(composition: Composition, sub: string): Promise<string> {
  const owner = caller(sub)
  const started = await startConnection(composition, { ...owner, provider: 'google-drive', returnUrl })
  const back = await handleCallback(
    composition,
    await consent(started.authorizationUrl ?? '', `${sub}@example.com`),
  )
  const completionCode =
    new URL('location' in back ? back.location : '').searchParams.get('completionCode') ?? ''
  const { connectionId } = started.connection
  await completeConnection(openComplete(composition), { ...owner, connectionId, completionCode })
  return connectionId
}

const signal = AbortSignal.timeout(600_000)

/** A user with a drive and a bucket, something stored, something under way, something to be seen. */
async function fill(composition: Composition, sub: string): Promise<void> {
  const owner = caller(sub)
  const drive = await connectDrive(composition, sub)
  const own = await startConnection(composition, { ...owner, provider: 's3' })
  const documents = openDocuments(composition)
  const base = { ...owner, contentType: 'text/plain', extension: must(parseExtension('.txt')), signal }
  for (const [id, connectionId] of [
    ['in-drive', drive],
    ['in-bucket', own.connection.connectionId],
  ] as const)
    await putDocument(documents, {
      ...base,
      documentId: must(parseDocumentId(id)),
      connectionId,
      bytes: Buffer.from(`content of ${sub}`),
      name: `name of ${sub}`,
      contentDigest: undefined,
    })
  const announced = { ...base, documentId: must(parseDocumentId('announced')), connectionId: drive }
  await startParts(openStartIntake(composition), { ...announced, size: 6 * 1024 * 1024 })
  const s3 = await composition.outside.s3()
  const Key = `${owner.userKey}/nobody/lost.txt`
  await s3.send(new PutObjectCommand({ Bucket: 'driveway-intake', Key, Body: `content of ${sub}` }))
  await startConnection(composition, { ...owner, provider: 'google-drive' })
}

const openedUntil = (composition: Composition) => openErasure(composition, composition.clock.now() + hour)

/** Everything that is kept, as text. */
async function everything(): Promise<string> {
  const { aws, main } = world
  const client = dynamoAt(aws.dynamoDb)
  const parts: string[] = []
  for (const { name: TableName } of tables) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName }))
    parts.push(JSON.stringify(Items))
  }
  const s3 = await main.outside.s3()
  for (const Bucket of ['driveway-intake', 'driveway-storage']) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }))
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
    for (const { Key = '' } of [...Versions, ...DeleteMarkers, ...Uploads]) parts.push(Key)
  }
  const { SecretList = [] } = await (
    await main.outside.secrets()
  ).send(new ListSecretsCommand({ MaxResults: 100 }))
  return [...parts, ...SecretList.map(({ Name = '' }) => Name)].join('\n')
}

async function eraseAll(): Promise<void> {
  for (let run = 0; run < 6; run += 1) {
    await eraseUsers(openedUntil(world.open()))
    await pack(world.open(), 'google-drive', () => false)
    world.advance(hour)
  }
}

it('an erasure that dies at any call, before or after it was done, is ended by those that follow', async () => {
  await fill(world.main, 'bystander')
  const mortals: string[] = []
  let isOver = false
  // Every third call of the way, so that both sides and both choices come up.
  for (let calls = 0; !isOver; calls += 3) {
    const after = calls % 2 === 1
    const user = `mortal-${String(calls)}`
    mortals.push(user)
    await fill(world.main, user)
    const files = calls % 4 < 2 ? ('keep' as const) : ('delete' as const)
    const erasure = await beginErasure(world.main, caller(user), files)
    const life = mortality(calls, after)
    isOver = await life.unlessDead(eraseUser(openedUntil(world.open(life)), erasure))
  }
  expect(mortals.length).toBeGreaterThan(16)
  await eraseAll()
  const left = await everything()
  expect(left).not.toContain('mortal-')
  expect(left).toContain('bystander')
  const connections = await world.main.connections.rows(caller('bystander').userKey)
  const { Items: grants = [] } = await dynamoAt(world.aws.dynamoDb).send(
    new ScanCommand({ TableName: 'grants' }),
  )
  expect(grants.map((row) => row['userKey'])).toEqual(['bystander'])
  expect(connections.map(({ status }) => status).toSorted()).toEqual(['active', 'active', 'pending'])
  const told = (await world.events()).filter((event) => event['detail-type'] === 'User Erased')
  const byUser = Map.groupBy(told, ({ detail }) => String(detail['userId']))
  expect([...byUser.keys()].toSorted()).toEqual(mortals.toSorted())
  // Told again after a death, it is the same event.
  for (const events of byUser.values())
    expect(new Set(events.map(({ detail }) => detail['eventId'])).size).toBe(1)
}, 600_000)
