import type { Settlement } from '../catalog/transfer.ts'
import type { TransferChanges } from '../catalog/transfers.ts'
import type { Backend, ContentSource, ObjectEntry, ResumableUploads, UploadPlan } from '../storage/backend.ts'
import { openOutgoing } from './body.ts'
import { createContentHash } from './hash.ts'
import type { Answer, PlanState, Step, Stop } from './plan.ts'
import { aboutOf } from '../providers/registry.ts'
import type { Attempt, EngineOptions } from './ports.ts'
import { holdSession } from './session.ts'
import { isOwn, lookUp, resumableOf, uploadPlanOf } from './uploads.ts'
import { algorithmsFor, hashWaitMs, judge, judgeStored, settlementOf } from './verdict.ts'

type Verified =
  | { readonly kind: 'unknown'; readonly entry: ObjectEntry }
  | { readonly kind: 'known'; readonly settlement: Settlement }

/** The hands of one attempt: each step of the plan, done once. */
export interface Run {
  readonly signal: AbortSignal
  /** What this attempt has finished at the provider. */
  readonly made: string | undefined
  initialState(): PlanState
  /** Does one step and records what has to be known after a crash. Rejects with the provider's error. */
  perform(step: Exclude<Step, Stop | { do: 'verify' }>, state: PlanState): Promise<Answer>
  verify(entry: ObjectEntry): Promise<Verified>
  /** Closes the session that the row holds, and removes the empty object that was made for it. */
  takeBack(): Promise<void>
  /** Why the last body ended early, when the reason is on our side; told once. */
  takeFailure(): unknown
  hashColumns(): TransferChanges
  close(): void
}

export async function openRun(options: EngineOptions, attempt: Attempt, signal: AbortSignal): Promise<Run> {
  const { claim, backend, source } = attempt
  const { size } = source
  const uploads = resumableOf(backend)
  const session = holdSession(claim, options.sealer, uploads)
  const wanted = algorithmsFor(backend, claim.row.expectedSha256)
  const hash = await createContentHash(options.startHash, wanted, claim.row.hashState)
  const outgoing = openOutgoing(source, hash, {
    clock: options.clock,
    signal,
    onProgress: attempt.onProgress,
    openTurns: options.openTurns,
    ...(claim.row.expectedSha256 === undefined ? {} : { expectedSha256: claim.row.expectedSha256 }),
  })
  let made: string | undefined
  const hashColumns = (): TransferChanges => (hash.position > 0 ? { hashState: hash.save() } : {})
  claim.onRenewal(hashColumns)

  const planOf = (): UploadPlan => uploadPlanOf(claim.row, size)
  const mustResume = (): Backend & ResumableUploads => {
    if (!uploads) throw new TypeError('This provider has no upload sessions.')
    return uploads
  }
  const finished = (entry: ObjectEntry): Answer => {
    made = entry.objectKey
    return { kind: 'finished', entry }
  }

  const reserve = async (): Promise<Answer> => {
    if (!backend.reserveObjectKey) throw new TypeError('This provider has no keys to reserve.')
    const objectKey = await backend.reserveObjectKey({ signal })
    await claim.save({ target: { kind: 'reserved', objectKey } })
    return { kind: 'reserved' }
  }
  const removePlaceholder = async (target = claim.row.target, within?: AbortSignal): Promise<void> => {
    if (target?.kind !== 'placeholder') return
    await backend.removePlaceholder?.(target.objectKey, within ? { signal: within } : {})
  }
  const place = async (): Promise<Answer> => {
    if (!backend.createPlaceholder) throw new TypeError('This provider has no placeholders.')
    await session.giveUp(signal)
    await removePlaceholder(claim.row.target, signal)
    const target = await backend.createPlaceholder(planOf(), { signal })
    try {
      await claim.save({ target, session: undefined, offset: 0 })
    } catch (error) {
      // An empty file that nobody has recorded would stay in the user's drive.
      await removePlaceholder(target).catch(() => undefined)
      throw error
    }
    return { kind: 'placed', target: target.kind }
  }
  const put = async (): Promise<Answer> => {
    const content: ContentSource = {
      size,
      open: (range) => outgoing.body(range?.start ?? 0, range ? range.end - range.start + 1 : size),
    }
    // An empty document has no last byte to be held back at.
    if (size === 0) for await (const _ of outgoing.body(0, 0)) break
    const { userId, documentId, extension, contentType, target } = claim.row
    const putOptions = { signal, ...(target ? { target } : {}) }
    return finished(await backend.putEntry(userId, documentId, content, extension, contentType, putOptions))
  }
  const progressed = async (from: 'ask' | 'send', at: number): Promise<void> => {
    if (at <= claim.row.offset && from === 'ask') return
    await claim.save({
      offset: at,
      failures: 0,
      progressAt: options.clock.now(),
      notBefore: undefined,
      ...hashColumns(),
    })
  }
  const ask = async (): Promise<Answer> => {
    const progress = await mustResume().queryUpload(await session.get(), size, { signal })
    if (progress.state === 'open') await progressed('ask', progress.offset)
    if (progress.state === 'done') made = progress.entry.objectKey
    return { kind: 'progress', from: 'ask', progress }
  }
  const send = async (offset: number, length: number): Promise<Answer> => {
    const body = outgoing.body(offset, length)
    try {
      const part = { body, offset, length, total: size }
      const progress = await mustResume().sendBytes(await session.get(), part, { signal })
      if (progress.state === 'open' && progress.offset > offset) await progressed('send', progress.offset)
      if (progress.state === 'done') made = progress.entry.objectKey
      return { kind: 'progress', from: 'send', progress }
    } finally {
      body.destroy()
    }
  }
  const look = async (): Promise<Answer> => {
    const entry = await lookUp(backend, planOf(), signal)
    if (!entry) return { kind: 'absent' }
    // Nobody but this transfer writes under a key of its own, so what stands there is its work, good or bad.
    if (isOwn(claim.row.target)) return finished(entry)
    if (entry.size !== size) return { kind: 'absent' }
    await outgoing.hashTo(size)
    const verdict = judge(entry, size, hash, { rewritten: false })
    return verdict.kind === 'proven' ? finished(entry) : { kind: 'absent' }
  }

  return {
    signal,
    hashColumns,
    get made() {
      return made
    },
    initialState() {
      const { row } = claim
      const direct = !uploads || size <= options.directBytes
      return {
        size,
        direct,
        sendBytes: uploads?.uploadMode === 'stream' ? options.streamBytes : (uploads?.fragmentBytes ?? size),
        reservedKeys: backend.capabilities.reservedKeys,
        placeholders: backend.capabilities.placeholders,
        target: row.target?.kind,
        hasSession: row.session !== undefined,
        begun: direct && row.target?.kind === 'reserved',
        offset: row.offset,
        reopened: false,
        stalls: 0,
        failures: row.failures,
      }
    },
    async perform(step, state) {
      // The plan has let go of a target that is not there any more.
      if (state.target === undefined && claim.row.target) claim.stage({ target: undefined })
      switch (step.do) {
        case 'reserve':
          return await reserve()
        case 'place':
          return await place()
        case 'put':
          return await put()
        case 'open':
          await session.open(planOf(), signal)
          return { kind: 'opened' }
        case 'ask':
          return await ask()
        case 'send':
          return await send(step.offset, step.length)
        case 'look':
          return await look()
        default:
          return step satisfies never
      }
    },
    async verify(given) {
      await outgoing.hashTo(size)
      const { row } = claim
      const stat = async (): Promise<ObjectEntry> => await backend.statEntry(given.objectKey, { signal })
      const { rewritten } = attempt
      const { entry, verdict } = await judgeStored(given, size, hash, { rewritten, stat })
      const waitedMs = options.clock.now() - row.progressAt
      const comes = aboutOf(backend.provider).hash?.late === true && waitedMs < hashWaitMs
      if (verdict.kind === 'unknown' && comes) return { kind: 'unknown', entry }
      return { kind: 'known', settlement: settlementOf(entry, verdict) }
    },
    async takeBack() {
      await session.close()
      await removePlaceholder()
    },
    takeFailure() {
      return outgoing.takeFailure()
    },
    close: () => outgoing.close(),
  }
}
