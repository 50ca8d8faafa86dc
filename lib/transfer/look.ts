import type { DocumentRow, Source } from '../catalog/document.ts'
import { openOf } from '../catalog/document.ts'
import type { DocumentKey } from '../catalog/document-pages.ts'
import type { Delivery, Handled } from './attempt.ts'
import { attemptChange } from './attempt.ts'
import type { IntakeObject } from './bucket.ts'
import { takeClaim } from './claim.ts'
import { proofOf } from './hash.ts'
import { announcedKey } from './intake-key.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { ClaimLost, connectionOf } from './hall.ts'
import { placeNow } from './place.ts'
import { prove } from './prove.ts'
import { settleFirst } from './settle-first.ts'
import { settleFailed } from './settle.ts'
import { tidy } from './tidy.ts'

const done: Handled = { kind: 'done' }
/** How long after an upload URL ends an upload that was begun before may still be running. */
const uploadGraceMs = 60 * 60 * 1000

/**
 * Goes on with whatever a row has to do: what follows is decided by
 * the row as it is now, so a repeated message changes nothing.
 */
export async function lookAt(deps: HallDeps, key: DocumentKey, delivery: Delivery): Promise<Handled> {
  const row = await deps.documents.get(key)
  if (!row) return done
  try {
    return row.change ? await goOn(deps, row as Claimed, delivery) : await atRest(deps, row)
  } catch (error) {
    if (error instanceof ClaimLost) return done
    throw error
  }
}

async function atRest(deps: HallDeps, row: DocumentRow): Promise<Handled> {
  await tidy(deps, row)
  const tidied = await deps.documents.get(row)
  if (tidied?.standing?.prove && tidied.standing.prove.at <= deps.clock.now()) {
    const proven = await prove(deps, tidied)
    // What was held back for this answer goes at once.
    if (proven && !proven.change) await tidy(deps, proven)
  }
  // An entry of the index that nothing stands behind any more goes: somebody else has tidied meanwhile.
  else if (tidied && tidied.change === undefined && tidied.open !== openOf(tidied))
    await deps.documents.tidied(tidied)
  return done
}

async function goOn(deps: HallDeps, row: Claimed, delivery: Delivery): Promise<Handled> {
  const { change } = row
  const now = deps.clock.now()
  switch (change.state) {
    case 'receiving':
      return await afterUrl(deps, row, delivery)
    case 'sending':
      // The same message delivered again proves that its owner is gone.
      if ((change.until ?? 0) > now && change.message !== delivery.messageId) return done
      await settleFirst(deps, row)
      return done
    case 'waiting': {
      const waitMs = (change.notBefore ?? 0) - now
      if (waitMs > 0) return { kind: 'again', afterSeconds: waitMs / 1000 }
      return await attemptRow(deps, row, delivery)
    }
    case 'parked': {
      const connection = await deps.connections.named(row.userKey, change.connectionId)
      if (connection?.status === 'requires_reauth' || connection?.status === 'pending') return done
      return await attemptRow(deps, row, delivery)
    }
    default:
      return change.state satisfies never
  }
}

/** Takes the claim and makes one attempt. */
export async function attemptRow(
  deps: HallDeps,
  row: Claimed,
  delivery: Delivery,
  patch: Parameters<typeof takeClaim>[2] = {},
): Promise<Handled> {
  const single = row.change.session === undefined && row.change.size <= deps.settings.smallBytes
  const claim = await takeClaim({ ...deps, leaseMs: deps.settings.leaseMs }, row, {
    message: delivery.messageId,
    single: single ? true : undefined,
    ...patch,
  })
  return claim ? await attemptChange(deps, claim, delivery) : done
}

/** An upload URL has ended: the bytes are there and their event was lost, or they never came. */
async function afterUrl(deps: HallDeps, row: Claimed, delivery: Delivery): Promise<Handled> {
  const arrived = await arrivalOf(deps, row)
  if (arrived) return await arrive(deps, row, arrived, delivery)
  if ((row.change.until ?? 0) + uploadGraceMs > deps.clock.now()) return done
  return await fails(deps, row, {
    code: 'object_missing',
    detail: 'The upload URL ended before any bytes had arrived.',
  })
}

/** The announced bytes are there: they are sent, if they are what was announced. */
export async function arrive(
  deps: HallDeps,
  row: Claimed,
  arrived: IntakeObject,
  delivery: Delivery,
): Promise<Handled> {
  const { key, etag, size, versionId } = arrived
  const source = { key, etag, size, ...(versionId === undefined ? {} : { versionId }) }
  const announced = row.change.size
  if (size !== announced && row.change.door === 'intake') {
    const detail = `${String(announced)} bytes were announced and ${String(size)} arrived. Start the upload anew.`
    return await fails(deps, row, { code: 'invalid_request', detail }, source)
  }
  const wanted = { ...row, ...row.change }
  const connection = row.change.target ? undefined : await connectionOf(deps, wanted)
  const target = row.change.target ?? (connection && (await placeNow(deps, connection, row, wanted)))
  const proof = await proofOf(deps.startHash, row.change.provider, arrived.bytes)
  return await attemptRow(deps, row, delivery, { source, size, proof, ...(target ? { target } : {}) })
}

/** The bytes of an announced upload, if they have arrived. */
export async function arrivalOf(deps: HallDeps, row: Claimed): Promise<IntakeObject | undefined> {
  const { id, connectionId } = row.change
  return await deps.bucket.head(announcedKey({ ...row, connectionId, changeId: id }))
}

async function fails(
  deps: HallDeps,
  row: Claimed,
  error: Parameters<typeof settleFailed>[2],
  source?: Source,
): Promise<Handled> {
  const change = source ? { ...row.change, source } : row.change
  await tidy(deps, await settleFailed(deps, { ...row, change }, error))
  return done
}
