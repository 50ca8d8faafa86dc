import { expect, test } from 'vitest'
import { localRoles } from '../../support/roles.ts'
import type { Permission } from './support/policies.ts'
import { permissionsOf } from './support/policies.ts'
import { synthesize } from './support/stack.ts'

const template = synthesize()
const permissions = permissionsOf(template)

/** A resource's name as a person would say it. */
function spoken(resource: string): string {
  const table = /^<Data(\w+?)Table[0-9A-F]{8}\.Arn>(?:\/index\/(\w+))?$/.exec(resource)
  if (table !== null) return `${table[1]?.toLowerCase()}${table[2] === undefined ? '' : ` by ${table[2]}`}`
  const stream = /^<Data(\w+?)Table[0-9A-F]{8}\.StreamArn>$/.exec(resource)
  if (stream !== null) return `change stream of ${stream[1]?.toLowerCase()}`
  if (resource === '*') return 'all streams'
  const bucket = /^<Data(\w+?)Bucket[0-9A-F]{8}\.Arn>(\/\*)?$/.exec(resource)
  if (bucket !== null) return `${bucket[1]?.toLowerCase()} ${bucket[2] === undefined ? 'bucket' : 'objects'}`
  if (resource.includes(':secret:driveway/test/connections/')) return 'connection secrets'
  if (resource.includes(':secret:driveway/test/cells/')) return 'cell secrets'
  if (resource.includes(':secret:driveway/test/oauth/')) return 'OAuth clients'
  if (resource.startsWith('<SecretsSealKey')) return 'sealing keys'
  if (resource.startsWith('<IntakeQueue')) return 'arrivals'
  if (resource.startsWith('<IntakeShort')) return 'short lane'
  if (resource.startsWith('<IntakeLong')) return 'long lane'
  if (resource.startsWith('<OutboxDeadLetters')) return 'untold events'
  if (resource.startsWith('<OutboxWebhooks')) return 'webhook queue'
  if (resource.startsWith('<Events')) return 'events'
  return resource
}

/**
 * `resource: Action Action`, without what every function has: its own
 * log, traces, and the key through those services.
 */
function table(granted: readonly Permission[]): string[] {
  const byResource = new Map<string, string[]>()
  for (const { action, resource } of granted) {
    if (/^(?:logs|xray|kms):/.test(action)) continue
    const name = spoken(resource)
    byResource.set(name, [...(byResource.get(name) ?? []), action.replace(/^\w+:/, '')])
  }
  return [...byResource].map(([name, actions]) => `${name}: ${actions.sort().join(' ')}`).sort()
}

test('each function may do exactly what its operation needs', () => {
  expect(Object.fromEntries([...permissions].map(([name, granted]) => [name, table(granted)]))).toEqual({
    'authorize-request': [],
    'create-webhook': ['sealing keys: GetSecretValue', 'webhooks: PutItem Query'],
    'delete-webhook': ['webhooks: DeleteItem'],
    'deliver-webhook': [
      'deliveries: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'webhook queue: ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage SendMessage',
      'webhooks: GetItem PutItem',
    ],
    'list-deliveries': ['deliveries: Query', 'webhooks: GetItem'],
    'list-webhooks': ['webhooks: Query'],
    'resend-delivery': ['deliveries: GetItem PutItem', 'webhook queue: SendMessage', 'webhooks: GetItem'],
    'rotate-webhook-secret': ['sealing keys: GetSecretValue', 'webhooks: GetItem PutItem'],
    'test-webhook': ['webhook queue: SendMessage', 'webhooks: GetItem'],
    'begin-erasure': ['connections: Query', 'documents: Query', 'users: GetItem PutItem'],
    'erase-users': [
      'OAuth clients: GetSecretValue',
      'authorizations: DeleteItem Scan',
      'cell secrets: GetSecretValue',
      'connection secrets: DeleteSecret GetSecretValue',
      'connections by account: Query',
      'connections: BatchGetItem DeleteItem GetItem PutItem Query',
      'deliveries by user: Query',
      'deliveries: DeleteItem',
      'documents: BatchGetItem DeleteItem GetItem PutItem Query UpdateItem',
      'events: PutEvents',
      'grants: BatchGetItem DeleteItem GetItem PutItem',
      'intake bucket: ListBucket ListBucketMultipartUploads ListBucketVersions',
      'intake objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject GetObjectTagging PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketMultipartUploads ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject',
      'tokens: DeleteItem GetItem UpdateItem',
      'transfers: DeleteItem Query',
      'users: PutItem Scan',
      'webhook queue: SendMessage',
      'webhooks: Query',
    ],
    'follow-drives': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections by due: Query',
      'connections: GetItem PutItem',
      'documents by objects: Query',
      'documents: GetItem UpdateItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'tokens: GetItem UpdateItem',
    ],
    'export-user': ['connections: Query', 'documents: Query', 'grants: BatchGetItem', 'tokens: GetItem'],
    'get-erasure': ['users: GetItem'],
    'check-health': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: GetItem PutItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'tokens: GetItem UpdateItem',
    ],
    'complete-connection': [
      'OAuth clients: GetSecretValue',
      'authorizations: DeleteItem GetItem PutItem UpdateItem',
      'cell secrets: GetSecretValue',
      'connection secrets: CreateSecret DeleteSecret GetSecretValue TagResource',
      'connections: DeleteItem GetItem PutItem Query',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'tokens: GetItem UpdateItem',
      'users: GetItem',
    ],
    'create-content-link': [
      'connections: BatchGetItem',
      'documents: BatchGetItem',
      'sealing keys: GetSecretValue',
    ],
    'open-content-link': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'storage objects: GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'create-download-url': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'storage objects: GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'create-upload-url': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem Query',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObject PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'delete-connection': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: DeleteSecret GetSecretValue',
      'connections by account: Query',
      'connections: DeleteItem GetItem PutItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'tokens: GetItem UpdateItem',
    ],
    'cancel-upload': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'delete-document': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'get-connection': ['connections: GetItem'],
    'get-document': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'storage objects: GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'sign-parts': ['documents: GetItem', 'intake objects: PutObject'],
    'get-upload': ['documents: GetItem', 'intake objects: ListMultipartUploadParts'],
    'complete-upload': [
      'documents: GetItem',
      'intake bucket: ListBucket',
      'intake objects: GetObject ListMultipartUploadParts PutObject',
    ],
    'get-openapi': [],
    'ingest-object': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents by open: Query',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'events: PutEvents',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObjectTagging',
      'long lane: ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage SendMessage',
      'sealing keys: GetSecretValue',
      'short lane: ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject ListMultipartUploadParts PutObject',
      'tokens: GetItem UpdateItem',
      'webhook queue: SendMessage',
      'webhooks: Query',
    ],
    'keep-alive': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: DeleteSecret GetSecretValue',
      'connections by keepAlive: Query',
      'connections: GetItem PutItem',
      'grants by due: Query',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'tokens: GetItem UpdateItem',
    ],
    'list-connections': ['connections: Query'],
    'list-documents': ['documents by newest: Query', 'documents: GetItem Query'],
    'oauth-callback': [
      'authorizations: GetItem PutItem UpdateItem',
      'connections: DeleteItem GetItem PutItem',
      'sealing keys: GetSecretValue',
    ],
    'pack-grants': [
      'cell secrets: CreateSecret DeleteSecret GetSecretValue TagResource',
      'cells: ConditionCheckItem DeleteItem PutItem Scan UpdateItem',
      'connection secrets: DeleteSecret GetSecretValue',
      'grants by toPack: Query',
      'grants: BatchGetItem DeleteItem PutItem',
    ],
    'put-document': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem Query',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject PutObject',
      'tokens: GetItem UpdateItem',
    ],
    'reauthorize-connection': [
      'OAuth clients: GetSecretValue',
      'authorizations: PutItem',
      'connections: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'users: GetItem',
    ],
    'sort-intake': [
      'arrivals: DeleteMessage GetQueueAttributes ReceiveMessage',
      'documents by open: Query',
      'long lane: SendMessage',
      'short lane: SendMessage',
    ],
    'rename-document': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem GetItem UpdateItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'storage objects: GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'start-connection': [
      'OAuth clients: GetSecretValue',
      'authorizations: PutItem',
      'connections: PutItem Query',
      'sealing keys: GetSecretValue',
      'users: GetItem',
    ],
    'start-intake': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem Query',
      'documents: BatchGetItem DeleteItem GetItem PutItem UpdateItem',
      'grants: GetItem PutItem',
      'intake bucket: ListBucket',
      'intake objects: AbortMultipartUpload DeleteObject GetObject GetObjectTagging PutObject PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'storage bucket: ListBucket ListBucketVersions',
      'storage objects: AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'stat-document': [
      'OAuth clients: GetSecretValue',
      'cell secrets: GetSecretValue',
      'connection secrets: GetSecretValue',
      'connections: BatchGetItem GetItem PutItem',
      'documents: BatchGetItem GetItem UpdateItem',
      'grants: GetItem PutItem',
      'sealing keys: GetSecretValue',
      'storage bucket: ListBucket',
      'storage objects: GetObject',
      'tokens: GetItem UpdateItem',
    ],
    'sweep-transfers': [
      'arrivals: SendMessage',
      'authorizations: GetItem PutItem',
      'connections: GetItem',
      'documents by open: Scan',
      'documents: GetItem PutItem UpdateItem',
      'intake bucket: ListBucket',
      'intake objects: GetObject GetObjectTagging PutObjectTagging',
      'sealing keys: GetSecretValue',
      'short lane: SendMessage',
      'transfers: DeleteItem Scan',
    ],
    tell: [
      'all streams: ListStreams',
      'change stream of connections: DescribeStream GetRecords GetShardIterator',
      'change stream of documents: DescribeStream GetRecords GetShardIterator',
      'events: PutEvents',
      'untold events: SendMessage',
      'webhook queue: SendMessage',
      'webhooks: Query',
    ],
  })
})

test('the roles that the local stack’s functions are held against are those of the template', () => {
  const actions = (all: Iterable<string>): string[] =>
    [...new Set(all)].filter((action) => !/^(?:logs|xray|kms):/.test(action)).sort()
  const local = [...localRoles()].map(([name, calls]) => [
    name,
    actions([...calls].map((call) => call.split(' ')[0] ?? '')),
  ])
  const deployed = [...permissions].map(([name, granted]) => [
    name,
    actions(granted.map(({ action }) => action)),
  ])
  // Some functions are deployed only where a provider needs them.
  expect(Object.fromEntries(local)).toMatchObject(Object.fromEntries(deployed))
})

test('only connecting and the packer make secrets of grants, nobody writes one again, and the packer opens none', () => {
  const doing = (action: string) =>
    [...permissions]
      .filter(([, granted]) => granted.some((one) => one.action === `secretsmanager:${action}`))
      .map(([name]) => name)
      .sort()
  expect(doing('CreateSecret')).toEqual(['complete-connection', 'pack-grants'])
  const packer = table(permissions.get('pack-grants') ?? [])
  expect(packer.filter((line) => line.startsWith('sealing keys'))).toEqual([])
  for (const action of ['PutSecretValue', 'UpdateSecret', 'RestoreSecret', 'UpdateSecretVersionStage'])
    expect(doing(action)).toEqual([])
})

test('only who says what became of an intake object or a user, and who tells what rows say, reach the event bus', () => {
  const tellers = [...permissions].filter(([, granted]) =>
    granted.some(({ action }) => action === 'events:PutEvents'),
  )
  expect(tellers.map(([name]) => name).sort()).toEqual(['erase-users', 'ingest-object', 'tell'])
})

test('nobody is given an action with a wildcard, or the key but through a service', () => {
  for (const [name, granted] of permissions) {
    expect(
      granted.filter(({ action }) => action.includes('*')).map(({ action }) => `${name}: ${action}`),
    ).toEqual([])
    for (const { action, condition } of granted) {
      if (action.startsWith('kms:')) expect(condition).toContain('kms:ViaService')
    }
  }
})

test('a resource with a wildcard is a part of this deployment', () => {
  const open = new Set(
    [...permissions.values()]
      .flat()
      .filter(({ resource }) => resource.includes('*'))
      .map(({ action, resource }) => `${action} ${resource}`),
  )
  const shapes = [
    /^xray:Put\w+ \*$/,
    /^dynamodb:ListStreams \*$/,
    /^logs:\w+ <\w+\.Arn>:log-stream:\*$/,
    /^s3:\w+ <Data\w+Bucket\w+\.Arn>\/\*$/,
    /^secretsmanager:\w+ .*:secret:driveway\/test\/(?:connections|cells|oauth)\/\*$/,
  ]
  expect([...open].filter((line) => !shapes.some((shape) => shape.test(line)))).toEqual([])
})
