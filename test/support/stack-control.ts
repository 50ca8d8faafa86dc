import type { GrantRow } from '../../lib/catalog/grants.ts'
import type { Item } from '../../lib/grants/cell.ts'
import { itemAt, itemsIn } from '../../lib/grants/cell.ts'
import { openItem } from '../../lib/grants/item.ts'
import { packPassword } from '../../lib/grants/packing.ts'
import { sealKey } from '../../lib/grants/seal.ts'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  GetSecretValueCommand,
  paginateListSecrets,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { DynamoDBDocumentClient, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { localTableName, secretPrefix } from '../../local/environment.ts'
import type { Problem, Provider } from './api.ts'
import { fitting } from './event-faults.ts'
import type { LocalStack } from './local-stack.ts'
import type { FaultAction, FaultMatch, SimulatedFile, SimulatedRequest } from './simulators.ts'

export type Drive = Exclude<Provider, 's3'>

/** The drives, with what differs between them where tests look. */
export const drives: readonly DriveUnderTest[] = [
  {
    provider: 'google-drive',
    offset: 1,
    name: 'google',
    tokenPath: '^/token',
    revocation: '^/revoke',
    domain: 'example.com',
    content: '^/(upload/)?drive/v3',
    writes: { path: '^/upload/' },
    sending: { method: 'PUT', path: 'upload_id=' },
  },
  {
    provider: 'onedrive',
    offset: 2,
    name: 'microsoft',
    tokenPath: '/oauth2/v2.0/token',
    domain: 'contoso.example',
    content: String.raw`^/v1\.0/|^/_api`,
    writes: { method: 'PUT' },
    sending: { method: 'PUT', path: '/uploadSession' },
  },
  {
    provider: 'dropbox',
    offset: 7,
    name: 'dropbox',
    tokenPath: '^/oauth2/token',
    revocation: '^/2/auth/token/revoke',
    domain: 'example.com',
    content: '^/2/files/',
    writes: { path: '^/2/files/upload' },
    sending: { path: '/upload_session/(?:append_v2|finish)' },
    // No call ends a session.
    keepsSessions: true,
  },
]

export interface DriveUnderTest {
  readonly provider: Drive
  /** Of its simulator's port. */
  readonly offset: number
  readonly name: string
  readonly tokenPath: string
  /** Where a grant is ended, if it can be. */
  readonly revocation?: string
  readonly domain: string
  readonly content: string
  readonly writes: FaultMatch
  /** What sends to an upload session. */
  readonly sending: FaultMatch
  readonly keepsSessions?: true
}

export interface PublishedEvent {
  readonly 'detail-type': string
  readonly detail: Record<string, unknown>
}

const region = 'eu-central-1'
const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' }

/**
 * What a test may do behind the API of a running stack: the simulators'
 * controls, the event log, stored secrets and rows.
 */
export function stackControl(stack: LocalStack) {
  const secrets = new SecretsManagerClient({ endpoint: stack.at(6), region, credentials })
  const dynamo = new DynamoDBClient({ endpoint: stack.at(4), region, credentials })
  const rows = DynamoDBDocumentClient.from(dynamo)
  const scan = async (table: string): Promise<Record<string, unknown>[]> =>
    (await rows.send(new ScanCommand({ TableName: localTableName(table), ConsistentRead: true }))).Items ?? []
  return {
    secrets,
    scan,
    simulator: (drive: Pick<DriveUnderTest, 'offset'>) => simulatorControl(stack.at(drive.offset)),
    /** Events of one connection, oldest first; those that its row has counted are waited for. */
    async events(connectionId: string): Promise<PublishedEvent[]> {
      const row = (await scan('connections')).find((found) => found['connectionId'] === connectionId)
      const read = async (): Promise<PublishedEvent[]> => {
        const all = (await (await fetch(`${stack.at(6)}/_local/events`)).json()) as PublishedEvent[]
        for (const { 'detail-type': type, detail } of all) fitting({ type, detail })
        return all.filter(({ detail }) => detail['connectionId'] === connectionId)
      }
      const counted = Number(row?.['seq'] ?? 0)
      // A document's events have numbers of their own.
      const ofRow = ({ detail }: PublishedEvent): boolean => 'seq' in detail && !('documentId' in detail)
      return until(read, (events) => events.filter(ofRow).length >= counted)
    },
    /** What Secrets Manager holds under a name of this stage. */
    async secret(name: string): Promise<string | undefined> {
      try {
        return (await secrets.send(new GetSecretValueCommand({ SecretId: `${secretPrefix}/${name}` })))
          .SecretString
      } catch (error) {
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined
        throw error
      }
    },
    /** The newest grant, opened as functions open it: a refresh token, or an app password as JSON. */
    async grant(connectionId: string): Promise<string | undefined> {
      const row = (await scan('grants')).find((found) => found['connectionId'] === connectionId)
      if (row?.['key'] === undefined) return undefined
      const owner = row as unknown as GrantRow & { readonly key: Uint8Array }
      const value = JSON.parse((await this.secret('seal-key')) ?? '{}') as {
        readonly current: string
        readonly keys: Record<string, string>
      }
      const keys = new Map(Object.entries(value.keys).map(([id, material]) => [id, sealKey(material)]))
      const items = owner.hot === undefined ? await this.items(owner.at ?? '') : [itemAt(owner.hot)]
      const item = items.find((found) => found.connectionId === connectionId)
      const held = item && (await openItem(() => Promise.resolve({ ...value, keys }), owner, item))
      if (held === undefined) throw new Error(`the grant of ${connectionId} does not open`)
      return 'password' in held ? packPassword(held.password).reveal() : held.refreshToken.reveal()
    },
    /** The sealed grants in a secret. */
    async items(name: string): Promise<readonly Item[]> {
      const SecretId = `${secretPrefix}/${name}`
      const { SecretBinary } = await secrets.send(new GetSecretValueCommand({ SecretId }))
      return itemsIn(SecretBinary ?? expect.unreachable())
    },
    /** The names of the secrets under `prefix`, without the stage's own. */
    async secretsUnder(prefix: string): Promise<string[]> {
      const Filters = [{ Key: 'name' as const, Values: [`${secretPrefix}/${prefix}`] }]
      const names: string[] = []
      for await (const { SecretList = [] } of paginateListSecrets({ client: secrets }, { Filters }))
        names.push(...SecretList.map(({ Name = '' }) => Name.slice(secretPrefix.length + 1)))
      return names
    },
    /** The consents of a connection that are under way. */
    async authorizations(connectionId: string): Promise<Record<string, unknown>[]> {
      return (await scan('authorizations')).filter((row) => row['connectionId'] === connectionId)
    },
    /**
     * Brings the end of every consent of a connection to now, as its ten minutes
     * do. The row stays: DynamoDB deletes days later.
     */
    async endAuthorizations(connectionId: string): Promise<void> {
      for (const { id } of await this.authorizations(connectionId)) {
        await rows.send(
          new UpdateCommand({
            TableName: localTableName('authorizations'),
            Key: { id },
            UpdateExpression: 'SET expiresAt = :now',
            ExpressionAttributeValues: { ':now': Math.floor(Date.now() / 1000) },
          }),
        )
      }
    },
    close(): void {
      secrets.destroy()
      dynamo.destroy()
    },
  }
}

export type StackControl = ReturnType<typeof stackControl>

/** A simulator's control API at `origin`. */
export function simulatorControl(origin: string) {
  const call = async <Body = unknown>(method: string, path: string, body?: unknown): Promise<Body> => {
    const answer = await fetch(`${origin}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Body
  }
  return {
    fault: (match: FaultMatch, action: FaultAction, times = 1) =>
      call('POST', 'faults', { match, times, action }),
    clearFaults: () => call('DELETE', 'faults'),
    requests: () => call<SimulatedRequest[]>('GET', 'requests'),
    clearRequests: () => call('DELETE', 'requests'),
    files: (account: string) => call<SimulatedFile[]>('GET', `files?account=${encodeURIComponent(account)}`),
    sessions: (account: string) =>
      call<{ id: string; received: number }[]>('GET', `sessions?account=${encodeURIComponent(account)}`),
    revoke: (account: string) => call('POST', `accounts/${account}/revoke`),
    expireTokens: (account: string) => call('POST', `accounts/${account}/expire-tokens`),
    setQuota: (account: string, limitBytes: number) =>
      call('POST', `accounts/${account}/quota`, { limitBytes }),
    advance: (advanceMs: number) => call('POST', 'clock', { advanceMs }),
    registerClient: (client: { clientId: string; clientSecret: string; redirectUris: string[] }) =>
      call('POST', 'clients', client),
  }
}

/** Asserts the status and code of a problem, its form, and that no token stands in it. */
export function expectProblem(
  answer: { status: number; headers: Headers; text: string; body: Problem },
  status: number,
  code: string,
): void {
  expect([answer.status, answer.body?.code]).toEqual([status, code])
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'))
  expect(answer.text).not.toMatch(/ya29|1\/\/0g|EwB|eyJ|M\.C5|client_secret/)
}

const pauseMs = 20

/** Asks again until `done` says so; the stack is at work meanwhile. */
export async function until<Value>(
  ask: () => Promise<Value>,
  done: (value: Value) => boolean,
): Promise<Value> {
  const patience = AbortSignal.timeout(75_000)
  for (;;) {
    const value = await ask()
    if (done(value)) return value
    if (patience.aborted) throw new Error(`waited in vain; the last was ${JSON.stringify(value)}`)
    // What is asked has to get its work done meanwhile.
    await pause(pauseMs)
  }
}
