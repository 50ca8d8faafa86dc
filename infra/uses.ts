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
  readonly users: Resource<TableAccess>
  readonly webhooks: Resource<TableAccess>
  readonly deliveries: Resource<TableAccess>
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
  readonly webhookQueue: Resource<QueueAccess>
  /**
   * Settings: who the callers' tokens are from, where the API is, how documents are filed, who may call,
   * what outlives an erasure, and how often drives are looked at.
   */
  readonly identity: Resource<'read'>
  readonly publicUrl: Resource<'read'>
  readonly starts: Resource<'read'>
  readonly filing: Resource<'read'>
  readonly browsers: Resource<'read'>
  readonly kept: Resource<'read'>
  readonly following: Resource<'read'>
}

export type Use = (fn: DrivewayFunction, on: Resources) => void

/** Asks for a token, refreshes it when it ends, marks a connection whose grant is dead. Makes no secret. */
export const provider: Use = (fn, on) => {
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
export const starts: Use = (fn, on) => {
  fn.uses(on.authorizations, 'put')
    .uses(on.oauthClients, 'read')
    .uses(on.sealKey, 'read')
    .uses(on.publicUrl, 'read')
    .uses(on.starts, 'read')
    .uses(on.filing, 'read')
}

/** Reads a document and its connection in one call. */
export const readsBoth: Use = (fn, on) => {
  fn.uses(on.documents, 'batchGet').uses(on.connections, 'batchGet')
}

/**
 * Owns a document: claims its row, settles what a dead request has left, ends what was under way, and takes
 * back what is left of it, everywhere. What somebody else has to go on with goes into the queue.
 */
export const ownsDocument: Use = (fn, on) => {
  fn.uses(on.documents, 'get', 'put', 'update', 'delete')
    .uses(on.intakeBucket, 'get', 'delete', 'tag', 'list', 'abort')
    .uses(on.storageBucket, 'get', 'abort', 'delete', 'list', 'forget', 'versions')
    .uses(on.shortLane, 'send')
}

/** Tells the event bus and the app's webhooks. */
export const tells: Use = (fn, on) => {
  fn.uses(on.events, 'publish').uses(on.webhooks, 'query').uses(on.webhookQueue, 'send')
}

export const http: Use = (fn, on) => {
  fn.uses(on.browsers, 'read')
}

/** Answers a caller about a document. */
export const ofDocument: Use = (fn, on) => {
  http(fn, on)
  provider(fn, on)
  readsBoth(fn, on)
}

/** Changes a document, on the one connection of a caller who named none. */
export const changes: Use = (fn, on) => {
  ofDocument(fn, on)
  ownsDocument(fn, on)
  fn.uses(on.connections, 'query')
}

/** Hands out a URL for bytes that are to come. */
export const announces: Use = (fn, on) => {
  changes(fn, on)
  fn.uses(on.intakeBucket, 'put')
}

/** Reads what stands of a document, in its drive. */
export const readsDrive: Use = (fn, on) => {
  ofDocument(fn, on)
  fn.uses(on.storageBucket, 'get', 'list')
}

/** The same, and what its user has done there is written down by whoever sees it first. */
export const observes: Use = (fn, on) => {
  readsDrive(fn, on)
  fn.uses(on.documents, 'get', 'update')
}
