/** The DynamoDB tables as data: infrastructure and the local stack are made from it. Imports nothing. */

export interface TableDefinition {
  /** The logical name; the deployed name comes from the environment. */
  readonly name: TableName
  readonly partitionKey: string
  readonly sortKey?: string
  readonly ttlAttribute?: string
  readonly indexes?: readonly IndexDefinition[]
  /** Its writes go into a change stream, with the row before and after. */
  readonly stream?: boolean
}

export interface IndexDefinition {
  readonly name: string
  readonly partitionKey: string
  readonly sortKey?: string
  /** Holds no attributes but the keys. */
  readonly keysOnly?: true
}

export type TableName =
  | 'connections'
  | 'documents'
  | 'transfers'
  | 'tokens'
  | 'grants'
  | 'cells'
  | 'authorizations'
  | 'users'
  | 'webhooks'
  | 'deliveries'

/** All string keys. */
export const tables: readonly TableDefinition[] = [
  // One row a connection. `idleSince` is of an earlier version: whose grant has not moved yet. `account` is
  // set on those whose grant stands, `dueShard` on those
  // whose drive is looked at, `expiresAt` on those that nobody has completed yet.
  {
    name: 'connections',
    partitionKey: 'userKey',
    sortKey: 'connectionId',
    ttlAttribute: 'expiresAt',
    indexes: [
      { name: 'keepAlive', partitionKey: 'provider', sortKey: 'idleSince' },
      { name: 'account', partitionKey: 'account', keysOnly: true },
      { name: 'due', partitionKey: 'dueShard', sortKey: 'dueAt', keysOnly: true },
    ],
    stream: true,
  },
  // One row a document. `open` exists only while there is something to do, and says what and when. The index
  // `parked` is of rows that an earlier version wrote; a table takes one change of its indexes a deployment.
  {
    name: 'documents',
    partitionKey: 'userKey',
    sortKey: 'documentId',
    indexes: [
      { name: 'parked', partitionKey: 'parkedOn', sortKey: 'documentId' },
      { name: 'open', partitionKey: 'openOf', sortKey: 'open', keysOnly: true },
      { name: 'newest', partitionKey: 'userKey', sortKey: 'changedAt', keysOnly: true },
      { name: 'objects', partitionKey: 'connectionId', sortKey: 'objectKey', keysOnly: true },
    ],
    stream: true,
  },
  // Transfers that an earlier version had under way.
  { name: 'transfers', partitionKey: 'userKey', sortKey: 'documentId' },
  // Sealed access tokens and the refresh lease, one row a connection.
  { name: 'tokens', partitionKey: 'connectionId', ttlAttribute: 'expiresAt' },
  // Where each connection's grant is, and its key. A row is in an index while it has the time that sorts it.
  {
    name: 'grants',
    partitionKey: 'connectionId',
    indexes: [
      { name: 'toPack', partitionKey: 'shard', sortKey: 'packAt', keysOnly: true },
      { name: 'due', partitionKey: 'shard', sortKey: 'dueAt', keysOnly: true },
    ],
  },
  // The secrets that hold many grants.
  { name: 'cells', partitionKey: 'cell' },
  // Pending authorizations and completion codes, by hash; they end by themselves.
  { name: 'authorizations', partitionKey: 'id', ttlAttribute: 'expiresAt' },
  // What is kept of users as such: their erasures, under a hash.
  { name: 'users', partitionKey: 'userKey', sortKey: 'what', ttlAttribute: 'expiresAt' },
  // Endpoints of the app, and what is sent to them: one row an endpoint and event.
  { name: 'webhooks', partitionKey: 'app', sortKey: 'id' },
  {
    name: 'deliveries',
    partitionKey: 'webhookId',
    sortKey: 'eventId',
    ttlAttribute: 'expiresAt',
    indexes: [{ name: 'user', partitionKey: 'userKey', keysOnly: true }],
  },
]
