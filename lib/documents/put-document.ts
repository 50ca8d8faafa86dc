import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName } from '../catalog/same-name.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'
import { extensionOf, requireHere } from '../intake/start-intake.ts'
import { contentOf } from '../storage/bytes.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { writeWhole } from '../storage/write-whole.ts'
import { acceptChange } from '../transfer/accept.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Damage } from '../transfer/damage.ts'
import { damageOf, mostSends } from '../transfer/damage.ts'
import type { Claimed } from '../transfer/hall.ts'
import { ClaimLost, held } from '../transfer/hall.ts'
import type { Judged } from '../transfer/judge.ts'
import { judge } from '../transfer/judge.ts'
import { freshPlace, placeFor, planOf, renamed } from '../transfer/place.ts'
import { settleFailed, settleStored } from '../transfer/settle.ts'
import { tidy } from '../transfer/tidy.ts'
import { chooseConnection } from './choose-connection.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { checkConditions, checkContentDigest } from '../transfer/conditions.ts'
import type { DocumentDeps } from './deps.ts'

export interface PutRequest extends Conditions {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly connectionId: string | undefined
  readonly extension: Extension | undefined
  readonly contentType: string
  readonly bytes: Buffer
  readonly contentDigest: string | undefined
  readonly signal: AbortSignal
}

export interface PutOutcome {
  readonly row: DocumentRow
  readonly created: boolean
}

/** How long a put waits for another writer of the same document. */
const waitMs = 20_000

/**
 * Stores one inline-sized document, new or in place of what is there. Errors: the contract's, see the route.
 */
export async function putDocument(deps: DocumentDeps, request: PutRequest): Promise<PutOutcome> {
  const { userKey, userId, documentId, bytes, signal } = request
  checkContentDigest(request.contentDigest, bytes)
  const before = await deps.documents.get({ userKey, documentId })
  const connection = await chooseConnection(deps, request, request.connectionId ?? before?.connectionId)
  const driver = await deps.openDriver(connection)
  const proof = proofOf(driver, bytes)
  const accepted = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen) => {
      requireHere(seen, connection, 'query')
      await checkConditions(request, seen, (key) => deps.retry(() => driver.stat(key, { signal }), signal))
      const extension = request.extension ?? extensionOf(seen)
      await refuseSharedName(deps.documents, { userKey, documentId, extension }, seen)
      const target = await deps.retry(
        () =>
          placeFor({ driver, newId: deps.newId }, seen, { documentId, extension, ...connection }, { signal }),
        signal,
      )
      const { contentType } = request
      const until = deps.clock.now() + deps.settings.requestMs
      return {
        door: 'put',
        state: 'sending',
        single: true,
        connection,
        size: bytes.length,
        contentType,
        extension,
        until,
        proof,
        target,
      }
    },
    { waitMs, signal },
  )
  // The session of an upload that was pushed aside ends before the first byte of this one.
  const claimed = await tidy(deps, accepted.row)
  const row = await finishPut(deps, { ...request, connection, driver }, claimed)
  return { row, created: accepted.before?.standing === undefined }
}

type Putting = PutRequest & { readonly connection: Connection; readonly driver: Driver }

/** What a put holds, and the object that it has made, if it is a new one. */
interface Writer {
  row: Claimed
  made?: ObjectKey
}

async function finishPut(deps: DocumentDeps, request: Putting, accepted: Claimed): Promise<DocumentRow> {
  const writer: Writer = { row: accepted }
  try {
    const { entry, judged } = await sendProven(deps, request, writer)
    const named = await renamed(request.driver, writer.row, entry, { signal: request.signal })
    const settled = await settleStored(deps, writer.row, named, judged)
    await tidy(deps, settled)
    return settled
  } catch (error) {
    if (error instanceof ClaimLost) {
      await undo(deps, request, writer)
      throw overtaken()
    }
    const { code, detail } = isServiceError(error) ? error : internal
    const left = error instanceof Damaged ? error.damage : {}
    const settled = await settleFailed(deps, writer.row, { code, detail }, left).catch(() => undefined)
    if (settled) await tidy(deps, settled)
    throw error
  }
}

/** Takes back what a put has made that was taken for dead, unless the document names it by now. */
async function undo(
  deps: DocumentDeps,
  { userKey, documentId, driver }: Putting,
  { made }: Writer,
): Promise<void> {
  if (made === undefined) return
  try {
    const row = await deps.documents.get({ userKey, documentId })
    if (row?.objectKey !== made && row?.change?.target?.objectKey !== made) await driver.remove(made)
  } catch (error) {
    logger.warn('What an overtaken request has made could not be removed.', errorFields(error))
  }
}

const internal = { code: 'internal_error', detail: 'The document could not be stored.' } as const

function overtaken(): ServiceError {
  return new ServiceError(
    'document_busy',
    'Another request has taken this document over. Look at it, and try again.',
    {
      retry: { retryable: true, afterSeconds: 2 },
      context: { retryAfterSeconds: 2 },
    },
  )
}

/** The provider stored other bytes than were sent, as often as they were sent. */
class Damaged extends ServiceError {
  readonly damage: Damage

  constructor(damage: Damage) {
    const often = 'The provider stored other bytes than were sent, several times'
    if (damage.standing)
      super('provider_error', `${often}, in place of the earlier version. Send the document once more.`)
    else super('digest_mismatch', `${often}. Nothing of them is kept; send the document once more.`)
    this.damage = damage
  }
}

/** Sends the bytes until the provider's own hash says that it has them. */
async function sendProven(
  deps: DocumentDeps,
  request: Putting,
  writer: Writer,
): Promise<{ readonly entry: ObjectEntry; readonly judged: Judged }> {
  const { driver, bytes, signal } = request
  const rewrites = driver.traits.rewrites(writer.row.change.extension)
  const late = driver.traits.hash?.late === true
  for (let sends = 1; ; sends += 1) {
    let entry = await send(deps, request, writer)
    if (writer.row.change.target?.kind === 'new') writer.made = entry.objectKey
    let judged = judge(entry, sentOf(driver, bytes), { rewrites, late })
    if (judged.verdict !== 'verified' && late) {
      const { objectKey } = entry
      entry = await deps.retry(() => driver.stat(objectKey, { signal }), signal)
      judged = judge(entry, sentOf(driver, bytes), { rewrites, late })
    }
    if (judged.verdict !== 'mismatch') return { entry, judged }
    if (sends === mostSends) throw new Damaged(damageOf(writer.row, entry, judged))
    writer.row = await retarget(deps, writer.row, {
      kind: 'replace',
      objectKey: entry.objectKey,
      file: writer.row.change.target?.file ?? '',
    })
  }
}

async function send(
  deps: DocumentDeps,
  { driver, bytes, signal }: Putting,
  writer: Writer,
): Promise<ObjectEntry> {
  const onName = async (file: string): Promise<void> => {
    const { target } = writer.row.change
    if (target) writer.row = await retarget(deps, writer.row, { ...target, file })
  }
  const write = async (): Promise<ObjectEntry> => {
    const { target } = writer.row.change
    if (!target) throw new TypeError('A put has a target.')
    return await writeWhole(driver, planOf(writer.row, target), contentOf(bytes), { signal, onName })
  }
  try {
    return await deps.retry(write, signal)
  } catch (error) {
    // The user removed the file that was to be replaced: it is made anew, once.
    const { target } = writer.row.change
    if (!isServiceError(error, 'object_missing') || target?.kind !== 'replace') throw error
    writer.row = await retarget(deps, writer.row, await freshPlace(driver, target.file, { signal }))
    return await deps.retry(write, signal)
  }
}

async function retarget(
  deps: DocumentDeps,
  row: Claimed,
  target: Claimed['change']['target'],
): Promise<Claimed> {
  return held(await deps.documents.work(row, { target }))
}

function proofOf({ traits }: Driver, bytes: Buffer): Claimed['change']['proof'] {
  if (!traits.hash) return undefined
  const digest = traits.hash.start()
  digest.update(bytes)
  return { algorithm: traits.hash.algorithm, value: digest.digest() }
}

function sentOf(driver: Driver, bytes: Buffer) {
  const proof = proofOf(driver, bytes)
  return { size: bytes.length, algorithms: proof ? [proof.algorithm] : [], digest: () => proof?.value }
}
