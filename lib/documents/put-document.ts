import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'
import { contentOf } from '../storage/bytes.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { writeWhole } from '../storage/write-whole.ts'
import { acceptChange } from '../transfer/accept.ts'
import type { Damage } from '../transfer/damage.ts'
import { damageDetail, damageOf, mostSends, unproven } from '../transfer/damage.ts'
import type { Claimed } from '../transfer/hall.ts'
import { ClaimLost, held, knowing } from '../transfer/hall.ts'
import type { Judged } from '../transfer/judge.ts'
import { judge, sentAs } from '../transfer/judge.ts'
import type { OwnDriver } from '../transfer/own.ts'
import type { ChooseConnection } from '../transfer/known.ts'
import { readKnown, requireWritable } from '../transfer/known.ts'
import { ownOf } from '../transfer/own.ts'
import { freshPlace, placeFor, planOf, renamed } from '../transfer/place.ts'
import { settleFailed, settleStored, settleUndone, workOf } from '../transfer/settle.ts'
import { tidy } from '../transfer/tidy.ts'
import { chooseConnection } from './choose-connection.ts'
import type { Conditions } from '../transfer/conditions.ts'
import { checkContentDigest } from '../transfer/conditions.ts'
import type { DocumentDeps } from './deps.ts'

export interface PutRequest extends Conditions {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly connectionId: string | undefined
  readonly extension: Extension | undefined
  readonly name?: string | undefined
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
export async function putDocument(given: DocumentDeps, request: PutRequest): Promise<PutOutcome> {
  const { userKey, userId, documentId, name, bytes, signal } = request
  checkContentDigest(request.contentDigest, bytes)
  const choose = async (...asked: Parameters<ChooseConnection>) => await chooseConnection(given, ...asked)
  const known = await readKnown(given.readBoth, choose, request)
  const { connection } = known
  const deps = knowing(given, connection)
  const driver = await deps.openDriver(connection)
  const proof = proofBy(driver, bytes)
  const accepted = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen) => {
      const stat = (key: ObjectKey) => deps.retry(() => driver.stat(key, { signal }), signal)
      const at = { seen, where: 'query' } as const
      const { extension, ifMatch } = await requireWritable(deps.documents, request, known, at, stat)
      const target = await deps.retry(
        () => placeFor({ ...deps, driver }, seen, { documentId, extension, name, ...connection }, { signal }),
        signal,
      )
      const onlyOver = target.kind === 'replace' && ifMatch !== undefined ? { ifMatch } : {}
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
        name,
        until,
        proof,
        target: { ...target, ...onlyOver },
      }
    },
    { waitMs, first: known, signal },
  )
  // The session of an upload that was pushed aside ends before the first byte of this one.
  const claimed = await tidy(deps, accepted.row)
  const own = ownOf(deps, claimed, claimed.change, driver)
  const row = await finishPut(deps, { ...request, connection, driver: own }, claimed)
  return { row, created: accepted.before?.standing === undefined }
}

type Putting = PutRequest & { readonly connection: Connection; readonly driver: OwnDriver }

/** What a put holds. */
interface Writer {
  row: Claimed
}

async function finishPut(deps: DocumentDeps, request: Putting, accepted: Claimed): Promise<DocumentRow> {
  const writer: Writer = { row: accepted }
  const { driver, signal } = request
  try {
    const { entry, judged } = await sendProven(deps, request, writer)
    const { standing, change } = writer.row
    const named = await renamed(driver, standing, change.target, entry, { signal })
    const settled = await settleStored(deps, writer.row, named, judged)
    await tidy(deps, settled)
    return settled
  } catch (error) {
    if (error instanceof ClaimLost) {
      const { undoOwn } = await import('../transfer/undo-own.ts')
      await undoOwn(deps, writer.row, driver, signal)
      throw overtaken()
    }
    if (isServiceError(error, 'precondition_failed')) {
      await settleUndone(deps, writer.row)
      throw error
    }
    const { change, objectKey } = writer.row
    if (objectKey !== undefined && objectKey === driver.made?.objectKey && !(error instanceof Damaged)) {
      // What stood was written over, and nobody could ask with what: whoever looks next settles it first.
      const now = deps.clock.now()
      await deps.documents
        .work(writer.row, { ...unproven(change, driver), until: now })
        .catch(() => undefined)
      throw error
    }
    const damage = await damageOf(writer.row, driver, { signal })
    const told = error instanceof Damaged ? new Damaged(damage) : error
    const { code, detail } = isServiceError(told) ? told : internal
    const settled = await settleFailed(deps, writer.row, { code, detail }, damage).catch(() => undefined)
    if (settled) await tidy(deps, settled)
    throw told
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
  constructor(damage: Damage = {}) {
    const code = damage.standing ? 'provider_error' : 'digest_mismatch'
    super(code, `${damageDetail(damage)} Send the document once more.`)
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
  const sent = sentAs(bytes.length, writer.row.change.proof)
  for (let damaged = 1; ; damaged += 1) {
    let entry = await send(deps, request, writer)
    let judged = judge(entry, sent, { rewrites, late })
    if (judged.verdict !== 'verified' && late) {
      const { objectKey } = entry
      entry = await deps.retry(() => driver.stat(objectKey, { signal }), signal)
      judged = judge(entry, sent, { rewrites, late })
    }
    if (judged.verdict !== 'mismatch') return { entry, judged }
    const target = {
      kind: 'replace',
      objectKey: entry.objectKey,
      file: writer.row.change.target?.file ?? '',
    } as const
    writer.row = held(await deps.documents.work(writer.row, { target, damaged }))
    if (damaged === mostSends) throw new Damaged()
  }
}

async function send(
  deps: DocumentDeps,
  { driver, bytes, signal }: Putting,
  writer: Writer,
): Promise<ObjectEntry> {
  const onName = async (file: string): Promise<void> => {
    const { change } = writer.row
    const { target } = change
    if (!target) return
    const leftovers = driver.mayBeMade ? workOf(change, deps.clock.now()) : []
    writer.row = held(await deps.documents.work(writer.row, { target: { ...target, file } }, { leftovers }))
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
    const anew = await freshPlace(driver, target, { signal })
    writer.row = held(await deps.documents.work(writer.row, { target: anew }))
    return await deps.retry(write, signal)
  }
}

function proofBy({ traits }: Driver, bytes: Buffer): Claimed['change']['proof'] {
  if (!traits.hash) return undefined
  const digest = traits.hash.start()
  digest.update(bytes)
  return { algorithm: traits.hash.algorithm, value: digest.digest() }
}
