import type { Change, DocumentRow } from '../catalog/document.ts'
import { intakeUrlMinutes, minPartsBytes, partsDays, partsPerCall } from '../contract/limits.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, UserId, UserKey } from '../ids.ts'
import { busy } from '../transfer/accept.ts'
import type { SignedPart, StoredPart } from '../transfer/bucket-parts.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { announcedKey } from '../transfer/intake-key.ts'
import { leftoversOf } from '../transfer/settle.ts'
import { tidy } from '../transfer/tidy.ts'
import type { Driver } from '../storage/driver.ts'
import { partBytes, partPlan } from './part-plan.ts'
import type { IntakeRequest, StartIntakeDeps } from './start-intake.ts'
import { announce } from './start-intake.ts'

/** Whose upload; the one that is open, where no id is given. */
export interface UploadOf {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly uploadId?: string
}

type Parts = NonNullable<Change['upload']>
type Open = Change & { readonly upload: Parts }

/** What is signed without having been asked for. */
const firstPage = partsPerCall
/** So many missing parts are named. */
const mostNamed = 50

/**
 * Announces an upload in parts, which stays open for days and goes on after anything. What the drive does not
 * take, or has no room for, is refused before the first byte. Errors: as for `startIntake`, and those two.
 */
export async function startParts(deps: StartIntakeDeps, request: IntakeRequest) {
  const { size = 0, contentType, signal } = request
  if (size < minPartsBytes)
    throw new ServiceError('invalid_request', `body.multipart: is for ${minPartsBytes} bytes and more`)
  const until = deps.clock.now() + partsDays * 24 * 60 * 60_000
  const plan = partPlan(size)
  const { row } = await announce(deps, request, until, async (key, connection) => {
    await requireRoom(await deps.openDriver(connection), size, signal)
    return { id: await (await deps.bucket.parts()).begin(key, contentType), ...plan }
  })
  const change = row.change as Open
  const numbers = Array.from({ length: Math.min(firstPage, plan.partCount) }, (_, index) => index + 1)
  const parts = (await signed(deps, row, change, numbers)).map(({ expiresAt: _each, ...part }) => part)
  return {
    row,
    upload: {
      method: 'MULTIPART' as const,
      uploadId: change.id,
      ...plan,
      expiresAt: new Date(until).toISOString(),
      parts,
    },
  }
}

async function requireRoom(
  { traits, space, provider }: Driver,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { maxBytes: limitBytes = Infinity } = traits
  if (size > limitBytes)
    throw new ServiceError('payload_too_large', `One file on ${provider} has at most ${limitBytes} bytes.`, {
      context: { limitBytes },
    })
  const usage = await space?.usage(signal ? { signal } : {}).catch((error: unknown) => {
    // A drive that cannot say now is asked again by its bytes.
    if (isServiceError(error) && error.retry.retryable) return undefined
    throw error
  })
  if (usage?.limit !== undefined && usage.used + size > usage.limit)
    throw new ServiceError('provider_quota_exceeded', 'The drive has less room left than the file needs.')
}

/** URLs of parts of an open upload; `upload_not_found` when it is over. */
export async function signParts(deps: HallDeps, upload: UploadOf, numbers: readonly number[]) {
  const { row, change } = await requireOpen(deps, upload)
  const { partCount } = change.upload
  const beyond = numbers.find((number) => number > partCount)
  if (beyond !== undefined)
    throw new ServiceError(
      'invalid_request',
      `body.numbers: there are ${partCount} parts, and no part ${beyond}`,
    )
  const parts = await signed(deps, row, change, [...new Set(numbers)])
  return parts.map((part) => ({ ...part, expiresAt: new Date(part.expiresAt).toISOString() }))
}

/** What an upload needs to go on that has forgotten everything. */
export async function openParts(deps: HallDeps, upload: UploadOf) {
  const { row, change } = await requireOpen(deps, upload)
  const stored = await (await deps.bucket.parts()).stored(placeOf(row, change))
  if (!stored) throw notOpen(upload)
  const { size, sha256, upload: plan } = change
  const { partSize, partCount } = plan
  const announced = { size, ...(sha256 === undefined ? {} : { sha256 }) }
  return { row, upload: { uploadId: change.id, partSize, partCount, ...announced, stored } }
}

/**
 * Makes the upload's object of its parts; its arrival starts the transfer. `upload_incomplete` names what is
 * missing. One that was completed before, by a request whose answer was lost, is completed.
 */
export async function completeParts(
  deps: HallDeps,
  upload: UploadOf & { readonly uploadId: string },
): Promise<DocumentRow> {
  const row = await rowOf(deps, upload)
  const { uploadId } = upload
  const change = row.change?.id === uploadId ? row.change : row.aside
  if (change?.id !== uploadId || !change.upload) {
    if (row.standing?.changeId === uploadId || row.last?.changeId === uploadId) return row
    throw notOpen(upload)
  }
  if (change.state !== 'receiving') return row
  const place = placeOf(row, change as Open)
  const calls = await deps.bucket.parts()
  const stored = await calls.stored(place)
  if (stored) {
    requireAll(change as Open, stored)
    if (await calls.complete(place, stored)) return row
  }
  if (await deps.bucket.head(place.key)) return row
  throw notOpen(upload)
}

/** Ends an upload whose bytes have not arrived, and takes its parts away. Nothing is open: nothing to do. */
export async function cancelIntake(deps: HallDeps, upload: UploadOf): Promise<void> {
  const row = await deps.documents.get(upload)
  if (row?.userId !== upload.userId) return
  if (row.aside?.state === 'receiving') throw busy(upload)
  const { change } = row
  if (change?.state !== 'receiving') return
  const leftovers = leftoversOf(change)
  const settled = await deps.documents.settle(row, { changes: { change: undefined }, leftovers })
  // Its bytes have arrived in this moment, or another change has taken its place.
  if (!settled || settled.last?.changeId === change.id) throw busy(upload)
  await tidy(deps, settled)
}

function requireAll({ size, upload }: Open, stored: readonly StoredPart[]): void {
  const sizes = new Map(stored.map((part) => [part.number, part.size]))
  const missing: number[] = []
  for (let number = 1; number <= upload.partCount; number += 1)
    if (sizes.get(number) !== partBytes(size, upload, number)) missing.push(number)
  if (missing.length === 0) return
  const more = missing.length > mostNamed ? ` and ${missing.length - mostNamed} more` : ''
  throw new ServiceError(
    'upload_incomplete',
    `Of ${upload.partCount} parts these have not arrived: ${missing.slice(0, mostNamed).join(', ')}${more}.`,
  )
}

async function signed(
  deps: HallDeps,
  row: DocumentRow,
  change: Open,
  numbers: readonly number[],
): Promise<SignedPart[]> {
  const parts = numbers.map((number) => ({ number, size: partBytes(change.size, change.upload, number) }))
  const leftSeconds = Math.floor(((change.until ?? 0) - deps.clock.now()) / 1000)
  const seconds = Math.max(1, Math.min(intakeUrlMinutes * 60, leftSeconds))
  return await (await deps.bucket.parts()).sign(placeOf(row, change), parts, seconds)
}

const placeOf = ({ userKey, documentId }: DocumentRow, { connectionId, id, upload }: Open) => ({
  key: announcedKey({ userKey, documentId, connectionId, changeId: id }),
  id: upload.id,
})

/** The user's document; where there is none, no upload of it is open. */
async function rowOf(deps: HallDeps, upload: UploadOf): Promise<DocumentRow> {
  const row = await deps.documents.get(upload)
  if (row?.userId !== upload.userId) throw notOpen(upload)
  return row
}

/** An upload in parts that waits for its bytes, also while a request writes the document by another door. */
async function requireOpen(
  deps: HallDeps,
  upload: UploadOf,
): Promise<{ readonly row: DocumentRow; readonly change: Open }> {
  const row = await rowOf(deps, upload)
  const change = [row.change, row.aside].find((one) => one?.upload && one.id === (upload.uploadId ?? one.id))
  const isOpen = change?.state === 'receiving' && (change.until ?? 0) > deps.clock.now()
  if (!isOpen) throw notOpen(upload)
  return { row, change: change as Open }
}

function notOpen({ documentId }: UploadOf): ServiceError {
  return new ServiceError('upload_not_found', `No upload of document ${documentId} is open under that id.`, {
    context: { documentId },
  })
}
