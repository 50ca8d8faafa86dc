import type { ChangePatch } from '../catalog/documents.ts'
import type { ErrorCode } from '../errors.ts'
import { CloudConnectionError } from '../errors.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'
import type { Claim } from './claim.ts'
import { damageDetail, damageOf, mostSends, unproven } from './damage.ts'
import { attemptSending } from './engine.ts'
import type { HallDeps } from './hall.ts'
import { ClaimLost } from './hall.ts'
import { placeFor, renamed } from './place.ts'
import type { OwnDriver } from './own.ts'
import { ownOf } from './own.ts'
import type { AttemptEnd } from './ports.ts'
import { about, workOf, settleFailed, settleStored } from './settle.ts'
import { tidy } from './tidy.ts'
import { undoOwn } from './undo-own.ts'

/** One delivery of a message. */
export interface Delivery {
  readonly messageId: string
  /** Epoch milliseconds: the work has to be over by then. */
  readonly deadline: number
  readonly signal?: AbortSignal
}

/** `again`: the message has to come back after so many seconds. */
export type Handled = { readonly kind: 'done' } | { readonly kind: 'again'; readonly afterSeconds: number }

const done: Handled = { kind: 'done' }

/** One attempt at a claimed change whose bytes lie in the bucket. The claim is given back here alone. */
export async function attemptChange(deps: HallDeps, claim: Claim, delivery: Delivery): Promise<Handled> {
  const sender: Sender = { signal: delivery.signal }
  try {
    return await attempt(deps, claim, delivery, sender).catch(async (error: unknown) => {
      if (!(error instanceof ClaimLost))
        await claim.release({ state: 'waiting', failures: (claim.change.failures ?? 0) + 1 })
      throw error
    })
  } catch (error) {
    if (error instanceof ClaimLost) return await overtaken(deps, claim, sender)
    throw error
  }
}

/** The drive that an attempt works with, once it is open. */
interface Sender {
  driver?: OwnDriver
  readonly signal: AbortSignal | undefined
}

async function overtaken(deps: HallDeps, { row }: Claim, { driver, signal }: Sender): Promise<Handled> {
  if (driver) await undoOwn(deps, row, driver, signal)
  return done
}

async function attempt(deps: HallDeps, claim: Claim, delivery: Delivery, sender: Sender): Promise<Handled> {
  const { source } = claim.change
  const connection = await deps.connections.named(claim.row.userKey, claim.change.connectionId)
  if (!connection || connection.status === 'disconnected')
    return await failed(deps, claim, gone, { isGivenUp: true })
  if (!source) throw new TypeError('The change has no source.')
  if (connection.status !== 'active') {
    return await concluded(
      deps,
      claim,
      { kind: 'parked', reason: connection.reason ?? 'consent_required' },
      {},
    )
  }
  try {
    const driver = ownOf(deps, claim.row, claim.change, await deps.openDriver(connection))
    sender.driver = driver
    await placeOverStanding(deps, claim, driver)
    const { end, leave } = await attemptSending(
      { ...deps, ...deps.settings },
      {
        claim,
        driver,
        source: deps.bucket.source(source),
        deadline: delivery.deadline,
        ...(delivery.signal ? { signal: delivery.signal } : {}),
      },
    )
    if (end.kind === 'lost') return await overtaken(deps, claim, sender)
    if (end.kind !== 'made' || end.judged.verdict === 'mismatch')
      return await concluded(deps, claim, end, leave, driver)
    const entry = await renamed(driver, claim.row.standing, claim.change.target, end.entry)
    return await concluded(deps, claim, { ...end, entry }, leave)
  } catch (error) {
    if (!(error instanceof CloudConnectionError)) throw error
    return await concluded(deps, claim, { kind: 'parked', reason: error.reason }, {}, sender.driver)
  }
}

/**
 * What stands is written over, also where the drive could not be asked
 * when the change was accepted. A new place is found on the way.
 */
async function placeOverStanding(deps: HallDeps, claim: Claim, driver: Driver): Promise<void> {
  const { change, row } = claim
  if (change.target || !row.standing) return
  const { extension, connectionId, name = row.name } = change
  const wanted = { ...row, extension, connectionId, name }
  await claim.save({ target: await placeFor({ ...deps, driver }, row, wanted) })
}

const gone = {
  code: 'connection_not_found',
  detail: 'The connection of this document was removed.',
} as const

async function concluded(
  deps: HallDeps,
  claim: Claim,
  end: AttemptEnd,
  leave: ChangePatch,
  driver?: OwnDriver,
): Promise<Handled> {
  const { change } = claim
  switch (end.kind) {
    case 'made': {
      if (end.judged.verdict === 'mismatch') return await damaged(deps, claim, end.entry, driver)
      const row = await claim.end((held) => settleStored(deps, held, end.entry, end.judged))
      await tidy(deps, row)
      return done
    }
    case 'failed':
      return await failed(deps, claim, end.error, await damageOf(claim.row, driver))
    case 'later': {
      const { afterSeconds, error } = end
      if (error) logger.info('A transfer waits.', { seconds: afterSeconds, ...errorFields(error) })
      if (error?.context.operatorFault === true) count('OperatorFaults', { provider: change.provider })
      const notBefore = deps.clock.now() + afterSeconds * 1000
      const failures = (change.failures ?? 0) + (afterSeconds > 0 ? 1 : 0)
      await claim.release({ ...leave, ...unproven(change, driver), state: 'waiting', failures, notBefore })
      return { kind: 'again', afterSeconds }
    }
    case 'parked': {
      const event = {
        id: `${change.id}:${String(change.fence)}`,
        type: 'Document Parked',
        ...about(change),
        reason: end.reason,
      }
      const patch = { ...leave, ...unproven(change, driver) }
      await claim.release({ ...patch, state: 'parked', reason: end.reason }, { event })
      count('TransfersParked', { provider: change.provider })
      return done
    }
    case 'source-changed':
      return await sourceChanged(deps, claim)
    case 'lost':
      return done
    default:
      return end satisfies never
  }
}

async function failed(
  deps: HallDeps,
  claim: Claim,
  error: { readonly code: ErrorCode; readonly detail: string },
  left: Parameters<typeof settleFailed>[3] = {},
): Promise<Handled> {
  const row = await claim.end((held) => settleFailed(deps, held, error, left))
  await tidy(deps, row)
  return done
}

/**
 * The object that was to be sent was replaced or removed: what
 * stands under its key now is sent, from its beginning.
 */
async function sourceChanged(deps: HallDeps, claim: Claim): Promise<Handled> {
  const { change } = claim
  const found = await deps.bucket.head(change.source?.key ?? '')
  if (!found || (change.door === 'intake' && found.size !== change.size)) {
    return await failed(deps, claim, removed)
  }
  const { key, etag, size, versionId, contentType = change.contentType } = found
  const source = { key, etag, size, ...(versionId === undefined ? {} : { versionId }) }
  const anew = { session: undefined, offset: undefined, sent: undefined, hashState: undefined } as const
  const patch = {
    ...anew,
    proof: undefined,
    source,
    size,
    contentType: change.door === 'drop' ? contentType : change.contentType,
  }
  await claim.release(
    { ...patch, state: 'waiting', notBefore: deps.clock.now() },
    { leftovers: workOf(change) },
  )
  return { kind: 'again', afterSeconds: 1 }
}

const removed = {
  code: 'object_missing',
  detail: 'The upload was removed or replaced before it had arrived at the drive. Send it once more.',
} as const

/**
 * The provider stored something else: the good bytes are at hand, so
 * they are sent again, over the object that this change has made.
 */
async function damaged(
  deps: HallDeps,
  claim: Claim,
  { objectKey }: ObjectEntry,
  driver: OwnDriver | undefined,
): Promise<Handled> {
  const { change } = claim
  const times = (change.damaged ?? 0) + 1
  const target = { kind: 'replace', objectKey, file: change.target?.file ?? '' } as const
  const anew = { target, damaged: times, session: undefined, offset: 0, sent: 0 } as const
  if (times < mostSends) {
    await claim.release({ ...anew, state: 'waiting', notBefore: deps.clock.now() })
    return { kind: 'again', afterSeconds: 1 }
  }
  claim.stage(anew)
  const damage = await damageOf(claim.row, driver)
  const detail = `${damageDetail(damage)} The upload is kept in the bucket; send it once more.`
  return await failed(deps, claim, { code: 'provider_error', detail }, damage)
}
