import type { FunctionName } from '../lib/contract/routes.ts'
import type { DrivewayFunction } from './constructs/function.ts'
import type { BucketAccess, QueueAccess, Resource, SecretAccess, TableAccess } from './constructs/resource.ts'

/** Everything that a function can be given. */
export interface Resources {
  readonly connections: Resource<TableAccess>
  readonly documents: Resource<TableAccess>
  readonly transfers: Resource<TableAccess>
  readonly tokens: Resource<TableAccess>
  readonly grants: Resource<TableAccess>
  readonly cells: Resource<TableAccess>
  readonly authorizations: Resource<TableAccess>
  readonly connectionSecrets: Resource<SecretAccess>
  readonly cellSecrets: Resource<SecretAccess>
  readonly oauthClients: Resource<SecretAccess>
  readonly sealKey: Resource<SecretAccess>
  readonly intakeBucket: Resource<BucketAccess>
  readonly storageBucket: Resource<BucketAccess>
  readonly arrivals: Resource<QueueAccess>
  readonly shortLane: Resource<QueueAccess>
  readonly longLane: Resource<QueueAccess>
  readonly laneWorkers: Resource<'read'>
  readonly events: Resource<'publish'>
  readonly changeStreams: Resource<'read' | 'list'>
  readonly untoldEvents: Resource<QueueAccess>
  /** Settings: who the callers' tokens are from, where the API is, how documents are filed, who may call. */
  readonly identity: Resource<'read'>
  readonly publicUrl: Resource<'read'>
  readonly returnUrls: Resource<'read'>
  readonly filing: Resource<'read'>
  readonly browsers: Resource<'read'>
}

type Use = (fn: DrivewayFunction, on: Resources) => void

/** Asks for a token, refreshes it when it ends, marks a connection whose grant is dead. Makes no secret. */
const provider: Use = (fn, on) => {
  fn.uses(on.connections, 'get', 'put')
    .uses(on.tokens, 'get', 'update')
    .uses(on.grants, 'get', 'put')
    .uses(on.connectionSecrets, 'read')
    .uses(on.cellSecrets, 'read')
    .uses(on.oauthClients, 'read')
    .uses(on.sealKey, 'read')
    .uses(on.filing, 'read')
}

/** Sends the browser to a provider, for a grant. */
const starts: Use = (fn, on) => {
  fn.uses(on.authorizations, 'put')
    .uses(on.oauthClients, 'read')
    .uses(on.sealKey, 'read')
    .uses(on.publicUrl, 'read')
    .uses(on.returnUrls, 'read')
    .uses(on.filing, 'read')
}

/** Reads a document and its connection in one call. */
const readsBoth: Use = (fn, on) => {
  fn.uses(on.documents, 'batchGet').uses(on.connections, 'batchGet')
}

/**
 * Owns a document: claims its row, settles what a dead request has left, ends what was under way, and takes
 * back what is left of it, everywhere. What somebody else has to go on with goes into the queue.
 */
const ownsDocument: Use = (fn, on) => {
  fn.uses(on.documents, 'get', 'put', 'update', 'delete')
    .uses(on.intakeBucket, 'get', 'delete', 'tag', 'list')
    .uses(on.storageBucket, 'get', 'abort', 'delete', 'list', 'forget', 'versions')
    .uses(on.shortLane, 'send')
}

const http: Use = (fn, on) => {
  fn.uses(on.browsers, 'read')
}

/** Answers a caller about a document. */
const ofDocument: Use = (fn, on) => {
  http(fn, on)
  provider(fn, on)
  readsBoth(fn, on)
}

/** Changes a document, on the one connection of a caller who named none. */
const changes: Use = (fn, on) => {
  ofDocument(fn, on)
  ownsDocument(fn, on)
  fn.uses(on.connections, 'query')
}

/** Hands out a URL for bytes that are to come. */
const announces: Use = (fn, on) => {
  changes(fn, on)
  fn.uses(on.intakeBucket, 'put')
}

/** Reads what stands of a document, in its drive. */
const readsDrive: Use = (fn, on) => {
  ofDocument(fn, on)
  fn.uses(on.storageBucket, 'get', 'list')
}

/** The same, and what its user has done there is written down by whoever sees it first. */
const observes: Use = (fn, on) => {
  readsDrive(fn, on)
  fn.uses(on.documents, 'get', 'update')
}

/**
 * What each function may do, and with it the variables that it is given. The same table, read back from
 * the template, is held by test/parts/infra/permissions.test.ts.
 */
export const permissions: Readonly<Record<FunctionName, Use>> = {
  'authorize-request': (fn, on) => {
    fn.uses(on.identity, 'read')
  },
  'get-openapi': (fn, on) => {
    http(fn, on)
    fn.uses(on.publicUrl, 'read')
  },

  'start-connection': (fn, on) => {
    http(fn, on)
    starts(fn, on)
    fn.uses(on.connections, 'put')
  },
  'oauth-callback': (fn, on) => {
    http(fn, on)
    fn.uses(on.authorizations, 'get', 'put', 'update')
      .uses(on.connections, 'get', 'put', 'delete')
      .uses(on.sealKey, 'read')
      .uses(on.publicUrl, 'read')
  },
  'password-page': (fn, on) => {
    http(fn, on)
    fn.uses(on.authorizations, 'get', 'put', 'update')
      .uses(on.connections, 'get', 'put', 'delete')
      .uses(on.sealKey, 'read')
      .uses(on.filing, 'read')
  },
  'complete-connection': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    fn.uses(on.authorizations, 'get', 'put', 'update', 'delete')
      .uses(on.connections, 'query', 'delete')
      .uses(on.connectionSecrets, 'create', 'delete')
      .uses(on.shortLane, 'send')
  },
  'list-connections': (fn, on) => {
    http(fn, on)
    fn.uses(on.connections, 'query')
  },
  'get-connection': (fn, on) => {
    http(fn, on)
    fn.uses(on.connections, 'get')
  },
  'reauthorize-connection': (fn, on) => {
    http(fn, on)
    starts(fn, on)
    fn.uses(on.connections, 'get', 'put')
  },
  'check-health': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    fn.uses(on.storageBucket, 'list')
  },
  'delete-connection': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    // What is under way is ended by whoever takes the message.
    fn.uses(on.connections, 'index:account', 'delete')
      .uses(on.connectionSecrets, 'delete')
      .uses(on.shortLane, 'send')
  },

  'put-document': (fn, on) => {
    changes(fn, on)
    fn.uses(on.storageBucket, 'put')
  },
  'stat-document': observes,
  'get-document': (fn, on) => {
    readsDrive(fn, on)
    fn.uses(on.publicUrl, 'read')
  },
  'rename-document': observes,
  'delete-document': (fn, on) => {
    ofDocument(fn, on)
    ownsDocument(fn, on)
  },
  'create-content-link': (fn, on) => {
    http(fn, on)
    // The drive is asked when the link is opened.
    readsBoth(fn, on)
    fn.uses(on.sealKey, 'read').uses(on.publicUrl, 'read')
  },
  'open-content-link': readsDrive,
  'create-download-url': readsDrive,
  'create-upload-url': announces,
  'list-documents': (fn, on) => {
    http(fn, on)
    fn.uses(on.documents, 'get', 'query', 'index:newest')
  },
  'start-intake': announces,

  'sort-intake': (fn, on) => {
    fn.uses(on.arrivals, 'receive')
      .uses(on.documents, 'index:open')
      .uses(on.shortLane, 'send')
      .uses(on.longLane, 'send')
      .uses(on.laneWorkers, 'read')
  },
  'ingest-object': (fn, on) => {
    provider(fn, on)
    readsBoth(fn, on)
    ownsDocument(fn, on)
    fn.uses(on.storageBucket, 'upload', 'resume')
      .uses(on.documents, 'index:open')
      .uses(on.shortLane, 'receive', 'delay')
      .uses(on.longLane, 'receive', 'delay', 'send')
      .uses(on.events, 'publish')
  },
  'sweep-transfers': (fn, on) => {
    // It calls no provider: what is due goes into the queue.
    fn.uses(on.connections, 'get')
      .uses(on.documents, 'get', 'put', 'update', 'scan:open')
      .uses(on.transfers, 'scan', 'delete')
      .uses(on.intakeBucket, 'get', 'tag', 'list')
      .uses(on.arrivals, 'send')
      .uses(on.shortLane, 'send')
      .uses(on.sealKey, 'read')
  },
  tell: (fn, on) => {
    fn.uses(on.changeStreams, 'read', 'list').uses(on.untoldEvents, 'send').uses(on.events, 'publish')
  },
  'keep-alive': (fn, on) => {
    provider(fn, on)
    fn.uses(on.connections, 'index:keepAlive')
      .uses(on.grants, 'index:due')
      .uses(on.connectionSecrets, 'delete')
  },
  'pack-grants': (fn, on) => {
    // It copies what is sealed and opens nothing: no right to the sealing key, nor to any provider.
    fn.uses(on.grants, 'batchGet', 'put', 'delete', 'index:toPack')
      .uses(on.cells, 'put', 'update', 'delete', 'scan', 'check')
      .uses(on.connectionSecrets, 'read', 'delete')
      .uses(on.cellSecrets, 'read', 'create', 'delete')
  },
}
