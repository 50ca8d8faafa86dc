import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { Erasure, ErasureChanges, ErasureStore, StrayRows } from '../catalog/erasures.ts'
import type { GrantStore } from '../catalog/grants.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import type { DeliveryStore } from '../catalog/webhooks.ts'
import type { Clock } from '../clock.ts'
import { comesBefore } from '../grants/grant-row.ts'
import type { SecretStore } from '../grants/secret-store.ts'
import { dayMs } from '../clock.ts'
import { isServiceError } from '../errors.ts'
import type { Owner } from '../ids.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { EraseDocuments } from './erase-documents.ts'
import type { OwnBuckets } from './own-buckets.ts'

export interface EraseDeps {
  readonly clock: Clock
  readonly erasures: ErasureStore
  readonly documents: Pick<DocumentStore, 'list'>
  readonly eraseDocuments: EraseDocuments
  readonly connections: Pick<ConnectionStore, 'rows' | 'remove'>
  /** Ends the connection and its grant; `provider_unavailable` while the provider cannot be asked. */
  readonly disconnect: (connection: Connection) => Promise<void>
  /** Takes the grant away without asking the provider. Already gone is success. */
  readonly forgetGrant: (
    connection: Pick<Connection, 'connectionId' | 'userKey' | 'provider'>,
  ) => Promise<void>
  readonly grantRows: Pick<GrantStore, 'getAll' | 'remove'>
  readonly secrets: Pick<SecretStore, 'remove'>
  readonly tokens: Pick<TokenStore, 'remove'>
  readonly stray: StrayRows
  readonly deliveries: Pick<DeliveryStore, 'removeOf'>
  readonly buckets: OwnBuckets
  readonly events: EventPublisher
  /** What began before an erasure has ended after so long, milliseconds. */
  readonly longestRunMs: number
}

/** A provider that is down for so long is not waited for any longer. */
const patienceMs = 7 * dayMs
const receiptMs = 400 * dayMs

/** One try to erase a user: where it has to come back, or `done`. */
type Outcome = Pick<ErasureChanges, 'filesLeft'> & { readonly status: Erasure['status'] }

/**
 * Goes on with an erasure as far as it comes. Everything is done again by each run until a run finds nothing,
 * so that what was under way at the beginning leaves nothing either. Safe to repeat, and to run twice at
 * once. Answers the row as it is then; undefined when another run has moved it.
 */
export async function eraseUser(deps: EraseDeps, given: Erasure): Promise<Erasure | undefined> {
  if (given.whom === undefined) return given
  const whom = given.whom
  const seen = await noted(deps, given, whom)
  if (seen === undefined) return undefined
  const outcome = await erase(deps, seen, whom)
  if (outcome.status !== 'done') {
    const isSame = outcome.status === seen.status && outcome.filesLeft === seen.filesLeft
    return isSame ? seen : await deps.erasures.change(seen, outcome)
  }
  return await finish(deps, seen, whom)
}

/** Writes down what there is, and every connection, before anything of it is gone. */
async function noted(deps: EraseDeps, seen: Erasure, whom: Owner): Promise<Erasure | undefined> {
  const rows = await deps.connections.rows(whom.userKey)
  const ids = [...new Set([...seen.connectionIds, ...rows.map(({ connectionId }) => connectionId)])]
  const counts = seen.counts ?? {
    connections: rows.length,
    documents: await countDocuments(deps, whom),
    objects: await deps.buckets.count(whom.userKey),
  }
  const isKnown = seen.counts !== undefined && ids.length === seen.connectionIds.length
  return isKnown ? seen : await deps.erasures.change(seen, { counts, connectionIds: ids })
}

async function countDocuments({ documents }: EraseDeps, { userKey }: Owner): Promise<number> {
  let count = 0
  let page = await documents.list(userKey, 1000, undefined)
  for (;;) {
    count += page.rows.length
    const last = page.rows.at(-1)
    if (!page.more || last === undefined) return count
    page = await documents.list(userKey, 1000, last.documentId)
  }
}

async function erase(deps: EraseDeps, seen: Erasure, whom: Owner): Promise<Outcome> {
  const now = deps.clock.now()
  const isPatient = now < Date.parse(seen.startedAt) + patienceMs
  // Files first: afterwards nobody has a grant to remove them with.
  const files = seen.files === 'delete' ? await deps.eraseDocuments.files(whom) : { left: 0, waits: false }
  if (files.waits && isPatient) return { status: 'running' }
  const connections = await deps.connections.rows(whom.userKey)
  const waits = await disconnectAll(deps, connections, isPatient)
  const gone = await deps.eraseDocuments.rows(whom)
  const filesLeft = seen.files === 'delete' ? Math.max(seen.filesLeft ?? 0, files.left) : undefined
  if (waits || gone.more) return { status: 'running', filesLeft }
  if (!(await removeAll(deps, whom, connections))) return { status: 'running', filesLeft }
  const found =
    connections.length +
    gone.count +
    (await deps.stray.removeConsents(whom, seen.connectionIds)) +
    (await deps.stray.removeTransfers(whom)) +
    (await deps.deliveries.removeOf(whom.userKey)) +
    (await deps.buckets.empty(whom.userKey))
  const isGrantLeft = await grantsLeft(deps, seen)
  const isSettled = now >= Date.parse(seen.startedAt) + deps.longestRunMs
  return { status: found === 0 && !isGrantLeft && isSettled ? 'done' : 'waiting', filesLeft }
}

/** False when somebody was faster, or has begun another connection: that one is not ended yet. */
async function removeAll(
  { connections }: EraseDeps,
  { userKey }: Owner,
  ended: readonly Connection[],
): Promise<boolean> {
  const ids = new Set(ended.map(({ connectionId }) => connectionId))
  let isAll = true
  for (const row of await connections.rows(userKey))
    if (!ids.has(row.connectionId) || !(await connections.remove(row))) isAll = false
  return isAll
}

/** True when a provider could not be asked, and is to be asked again. */
async function disconnectAll(
  { disconnect, forgetGrant }: EraseDeps,
  connections: readonly Connection[],
  isPatient: boolean,
): Promise<boolean> {
  let waits = false
  for (const connection of connections) {
    try {
      await disconnect(connection)
    } catch (error) {
      const passes = isServiceError(error) && error.retry.retryable
      if (passes && isPatient) waits = true
      else if (passes || isServiceError(error, 'connection_not_found')) await forgetGrant(connection)
      else throw error
      const { connectionId } = connection
      logger.warn('A connection of an erased user could not be ended at its provider', {
        connectionId,
        ...errorFields(error),
      })
    }
  }
  return waits
}

/**
 * The marks of grants stay until nothing can write over them any more, and until the packer has taken what is
 * theirs out of cells. A grant that came late is taken too.
 */
async function grantsLeft(
  { grantRows, secrets, forgetGrant, clock, longestRunMs }: EraseDeps,
  { connectionIds }: Erasure,
): Promise<boolean> {
  let isLeft = false
  for (const row of await grantRows.getAll(connectionIds)) {
    const { goneAt = Infinity, leaves, goes, arriving } = row
    const mayCome = goes.some((name) => comesBefore(name, longestRunMs) > clock.now())
    const isBare = leaves.length === 0 && !mayCome && arriving === undefined
    const isOver = isBare && goneAt + longestRunMs <= clock.now()
    if (row.goneAt === undefined) await forgetGrant(row)
    if (isOver) for (const name of goes) await secrets.remove(name)
    if (!isOver || !(await grantRows.remove(row))) isLeft = true
  }
  return isLeft
}

/** The event first, then the mark that it was told: a repeated one has the same id. */
async function finish(deps: EraseDeps, seen: Erasure, whom: Owner): Promise<Erasure | undefined> {
  for (const connectionId of seen.connectionIds) await deps.tokens.remove(connectionId)
  const now = deps.clock.now()
  const doneAt = new Date(now).toISOString()
  const { id: eventId, files } = seen
  await deps.events.publish({
    type: 'User Erased',
    detail: { eventId, seq: 1, schemaVersion: 1, occurredAt: doneAt, userId: whom.userId, files },
  })
  logger.info('A user was erased', { erasureId: eventId })
  return await deps.erasures.change(seen, {
    status: 'done',
    doneAt,
    whom: undefined,
    connectionIds: [],
    expiresAt: Math.ceil((now + receiptMs) / 1000),
  })
}
