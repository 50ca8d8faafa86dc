import type { FunctionName } from '../lib/contract/routes.ts'
import type { Use } from './uses.ts'
import {
  announces,
  changes,
  http,
  observes,
  ofDocument,
  ownsDocument,
  provider,
  readsBoth,
  readsDrive,
  starts,
  tells,
} from './uses.ts'

/**
 * What each function may do, and with it the variables that it is given. The same table, read back from
 * the template, is held by test/parts/infra/permissions.test.ts.
 */
export const permissions: Readonly<Record<FunctionName, Use>> = {
  'authorize-request': (fn, on) => void fn.uses(on.identity, 'read'),
  'get-openapi': (fn, on) => {
    http(fn, on)
    fn.uses(on.publicUrl, 'read')
  },

  'start-connection': (fn, on) => {
    http(fn, on)
    starts(fn, on)
    fn.uses(on.connections, 'put', 'query').uses(on.users, 'get')
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
      .uses(on.users, 'get')
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
    fn.uses(on.connections, 'get', 'put').uses(on.users, 'get')
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
  'sign-parts': (fn, on) => {
    http(fn, on)
    fn.uses(on.documents, 'get').uses(on.intakeBucket, 'put')
  },
  'get-upload': (fn, on) => {
    http(fn, on)
    fn.uses(on.documents, 'get').uses(on.intakeBucket, 'resume')
  },
  'complete-upload': (fn, on) => {
    http(fn, on)
    fn.uses(on.documents, 'get').uses(on.intakeBucket, 'get', 'put', 'resume', 'list')
  },
  'cancel-upload': (fn, on) => {
    ofDocument(fn, on)
    ownsDocument(fn, on)
  },

  'begin-erasure': (fn, on) => {
    http(fn, on)
    fn.uses(on.users, 'get', 'put')
      .uses(on.connections, 'query')
      .uses(on.documents, 'query')
      .uses(on.kept, 'read')
  },
  'get-erasure': (fn, on) => {
    http(fn, on)
    fn.uses(on.users, 'get').uses(on.kept, 'read')
  },
  'export-user': (fn, on) => {
    http(fn, on)
    fn.uses(on.connections, 'query')
      .uses(on.documents, 'query')
      .uses(on.grants, 'batchGet')
      .uses(on.tokens, 'get')
  },

  'create-webhook': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'query', 'put').uses(on.sealKey, 'read')
  },
  'list-webhooks': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'query')
  },
  'delete-webhook': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'delete')
  },
  'rotate-webhook-secret': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'get', 'put').uses(on.sealKey, 'read')
  },
  'test-webhook': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'get').uses(on.webhookQueue, 'send')
  },
  'list-deliveries': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'get').uses(on.deliveries, 'query')
  },
  'resend-delivery': (fn, on) => {
    http(fn, on)
    fn.uses(on.webhooks, 'get').uses(on.deliveries, 'get', 'put').uses(on.webhookQueue, 'send')
  },
  'deliver-webhook': (fn, on) => {
    fn.uses(on.webhooks, 'get', 'put')
      .uses(on.deliveries, 'get', 'put')
      .uses(on.webhookQueue, 'receive', 'delay', 'send')
      .uses(on.sealKey, 'read')
  },

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
    tells(fn, on)
  },
  'sweep-transfers': (fn, on) => {
    // It calls no provider: what is due goes into the queue.
    fn.uses(on.connections, 'get')
      .uses(on.documents, 'get', 'put', 'update', 'scan:open')
      .uses(on.transfers, 'scan', 'delete')
      .uses(on.authorizations, 'get', 'put')
      .uses(on.intakeBucket, 'get', 'tag', 'list')
      .uses(on.arrivals, 'send')
      .uses(on.shortLane, 'send')
      .uses(on.sealKey, 'read')
  },
  tell: (fn, on) => {
    fn.uses(on.changeStreams, 'read', 'list').uses(on.untoldEvents, 'send')
    tells(fn, on)
  },
  'keep-alive': (fn, on) => {
    provider(fn, on)
    fn.uses(on.connections, 'index:keepAlive')
      .uses(on.grants, 'index:due')
      .uses(on.connectionSecrets, 'delete')
  },
  'erase-users': (fn, on) => {
    provider(fn, on)
    readsBoth(fn, on)
    ownsDocument(fn, on)
    // The only one that may remove whatever lies under a user's key.
    fn.uses(on.users, 'scan', 'put')
      .uses(on.connections, 'query', 'delete', 'index:account')
      .uses(on.documents, 'query')
      .uses(on.transfers, 'query', 'delete')
      .uses(on.authorizations, 'scan', 'delete')
      .uses(on.tokens, 'delete')
      .uses(on.grants, 'batchGet', 'delete')
      .uses(on.connectionSecrets, 'delete')
      .uses(on.intakeBucket, 'uploads', 'versions', 'forget')
      .uses(on.storageBucket, 'uploads')
      .uses(on.deliveries, 'index:user', 'delete')
    tells(fn, on)
  },
  'follow-drives': (fn, on) => {
    provider(fn, on)
    fn.uses(on.connections, 'index:due').uses(on.documents, 'get', 'update', 'index:objects')
    fn.uses(on.following, 'read')
  },
  'pack-grants': (fn, on) => {
    // It copies what is sealed and opens nothing: no right to the sealing key, nor to any provider.
    fn.uses(on.grants, 'batchGet', 'put', 'delete', 'index:toPack')
      .uses(on.cells, 'put', 'update', 'delete', 'scan', 'check')
      .uses(on.connectionSecrets, 'read', 'delete')
      .uses(on.cellSecrets, 'read', 'create', 'delete')
  },
}
