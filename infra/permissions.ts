import type { FunctionName } from '../lib/contract/routes.ts'
import type { DrivewayFunction } from './constructs/function.ts'
import type { BucketAccess, QueueAccess, Resource, SecretAccess, TableAccess } from './constructs/resource.ts'

/** Everything that a function can be given. */
export interface Resources {
  readonly connections: Resource<TableAccess>
  readonly documents: Resource<TableAccess>
  readonly transfers: Resource<TableAccess>
  readonly tokens: Resource<TableAccess>
  readonly authorizations: Resource<TableAccess>
  readonly connectionSecrets: Resource<SecretAccess>
  readonly oauthClients: Resource<SecretAccess>
  readonly sealKey: Resource<SecretAccess>
  readonly intakeBucket: Resource<BucketAccess>
  readonly storageBucket: Resource<BucketAccess>
  readonly stagingBucket: Resource<BucketAccess>
  readonly intakeQueue: Resource<QueueAccess>
  readonly events: Resource<'publish'>
  readonly changeStreams: Resource<'read' | 'list'>
  readonly untoldEvents: Resource<QueueAccess>
  /** Settings: who the callers' tokens are from, where the API is, how documents are filed, who may call from a browser. */
  readonly identity: Resource<'read'>
  readonly publicUrl: Resource<'read'>
  readonly returnUrls: Resource<'read'>
  readonly filing: Resource<'read'>
  readonly browsers: Resource<'read'>
  /** Tells the function that it may write connection secrets. */
  readonly secretWriting: Resource<'read'>
}

type Use = (fn: DrivewayFunction, on: Resources) => void

/** Asks for a token, refreshes it when it ends, and marks the connection when the grant turns out to be dead. Never writes a secret. */
const provider: Use = (fn, on) => {
  fn.uses(on.connections, 'get', 'put')
    .uses(on.tokens, 'get', 'update')
    .uses(on.connectionSecrets, 'read')
    .uses(on.oauthClients, 'read')
    .uses(on.sealKey, 'read')
    .uses(on.filing, 'read')
}

/** Finds the one connection of a caller who named none. */
const choosesConnection: Use = (fn, on) => {
  fn.uses(on.connections, 'query')
}

/** Ends a transfer that is under way for the document: its session at the provider, its row, its object. */
const cancelsTransfer: Use = (fn, on) => {
  fn.uses(on.transfers, 'get', 'put', 'delete')
    .uses(on.intakeBucket, 'get', 'delete', 'list')
    .uses(on.storageBucket, 'abort', 'delete')
}

const http: Use = (fn, on) => {
  fn.uses(on.browsers, 'read')
}

/**
 * What each function may do, and with it the variables that it is given. The same table, read back from the template,
 * is held by test/parts/infra/permissions.test.ts.
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
    fn.uses(on.connections, 'put')
      .uses(on.authorizations, 'put')
      .uses(on.oauthClients, 'read')
      .uses(on.sealKey, 'read')
      .uses(on.publicUrl, 'read')
      .uses(on.returnUrls, 'read')
      .uses(on.filing, 'read')
  },
  'oauth-callback': (fn, on) => {
    http(fn, on)
    fn.uses(on.authorizations, 'get', 'put', 'update', 'delete')
      .uses(on.sealKey, 'read')
      .uses(on.publicUrl, 'read')
  },
  'password-page': (fn, on) => {
    http(fn, on)
    fn.uses(on.authorizations, 'get', 'put', 'update', 'delete')
      .uses(on.sealKey, 'read')
      .uses(on.filing, 'read')
  },
  'complete-connection': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    fn.uses(on.authorizations, 'get', 'update', 'delete')
      .uses(on.connectionSecrets, 'create', 'write', 'restore', 'delete')
      .uses(on.secretWriting, 'read')
      .uses(on.documents, 'index:parked')
      .uses(on.intakeQueue, 'send')
    // Only named: the message for what was parked tells the bucket, as S3's own would.
    fn.uses(on.intakeBucket)
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
    fn.uses(on.connections, 'get', 'put')
      .uses(on.authorizations, 'put')
      .uses(on.oauthClients, 'read')
      .uses(on.sealKey, 'read')
      .uses(on.publicUrl, 'read')
      .uses(on.returnUrls, 'read')
      .uses(on.filing, 'read')
  },
  'check-health': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    fn.uses(on.storageBucket, 'list')
  },
  'delete-connection': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.connections, 'query', 'delete')
      .uses(on.documents, 'query', 'get', 'put')
      .uses(on.connectionSecrets, 'delete')
  },

  'put-document': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    choosesConnection(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.documents, 'get', 'put').uses(on.storageBucket, 'get', 'put', 'delete', 'list')
  },
  'stat-document': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    // A document whose storing broke off is settled by what the provider says.
    fn.uses(on.documents, 'get', 'put').uses(on.storageBucket, 'get', 'list')
  },
  'get-document': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    // Whoever first reads a document that came by a presigned URL writes down that it has come.
    fn.uses(on.documents, 'get', 'put')
      .uses(on.storageBucket, 'get', 'list')
      .uses(on.stagingBucket, 'get', 'upload', 'list')
  },
  'delete-document': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.documents, 'get', 'put', 'delete').uses(on.storageBucket, 'delete')
  },
  'create-download-url': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    fn.uses(on.documents, 'get', 'put').uses(on.storageBucket, 'get', 'list')
  },
  'create-upload-url': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    choosesConnection(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.documents, 'get', 'put').uses(on.storageBucket, 'get', 'put', 'list')
  },
  'list-documents': (fn, on) => {
    http(fn, on)
    fn.uses(on.documents, 'query')
  },
  'start-intake': (fn, on) => {
    http(fn, on)
    provider(fn, on)
    choosesConnection(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.documents, 'get', 'put').uses(on.intakeBucket, 'put')
  },

  'ingest-object': (fn, on) => {
    provider(fn, on)
    fn.uses(on.documents, 'get', 'put')
      .uses(on.transfers, 'get', 'put', 'delete')
      .uses(on.intakeBucket, 'get', 'delete', 'tag', 'list')
      .uses(on.storageBucket, 'get', 'upload', 'resume', 'delete', 'list')
      .uses(on.intakeQueue, 'send', 'receive', 'delay')
      .uses(on.events, 'publish')
  },
  'sweep-transfers': (fn, on) => {
    provider(fn, on)
    cancelsTransfer(fn, on)
    fn.uses(on.documents, 'get', 'put')
      .uses(on.transfers, 'scan')
      .uses(on.storageBucket, 'get', 'list')
      .uses(on.intakeBucket, 'tag')
      .uses(on.intakeQueue, 'send')
      .uses(on.events, 'publish')
  },
  tell: (fn, on) => {
    fn.uses(on.changeStreams, 'read', 'list').uses(on.untoldEvents, 'send').uses(on.events, 'publish')
  },
  'keep-alive': (fn, on) => {
    provider(fn, on)
    fn.uses(on.connections, 'index:keepAlive')
      .uses(on.connectionSecrets, 'write')
      .uses(on.secretWriting, 'read')
  },
}
