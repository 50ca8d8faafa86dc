import type { Settlement } from '../catalog/transfer.ts'
import type { TransferChanges } from '../catalog/transfers.ts'
import type { ContentSource } from '../storage/content.ts'
import type { ObjectEntry, Plan, Sessions, Target } from '../storage/driver.ts'
import { atFreeName } from '../storage/free-name.ts'
import { openOutgoing } from './body.ts'
import { createContentHash } from './hash.ts'
import type { Answer, PlanState, Step, Stop } from './plan.ts'
import { fileOf, planOf } from './place.ts'
import type { Attempt, EngineOptions } from './ports.ts'
import { holdSession } from './session.ts'
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
  /** Closes the session that the row holds. */
  takeBack(): Promise<void>
  /** Why the last body ended early, when the reason is on our side; told once. */
  takeFailure(): unknown
  hashColumns(): TransferChanges
  close(): void
}

export async function openRun(options: EngineOptions, attempt: Attempt, signal: AbortSignal): Promise<Run> {
  const { claim, driver, source } = attempt
  const { size } = source
  const { sessions, traits } = driver
  const rewritten = traits.rewrites(claim.row.extension)
  const session = holdSession(claim, options.sealer, sessions)
  const wanted = algorithmsFor(driver, claim.row.expectedSha256)
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

  const planAt = (target: Target): Plan => planOf(claim.row, size, target)
  const mustResume = (): Sessions => {
    if (!sessions) throw new TypeError('This provider has no upload sessions.')
    return sessions
  }
  const finished = (entry: ObjectEntry): Answer => {
    made = entry.objectKey
    return { kind: 'finished', entry }
  }

  /** What stands at a place has the content that is being sent. */
  const proven = async (target: Target): Promise<Answer | undefined> => {
    const entry = await driver.find(planAt(target), { signal })
    if (entry?.size !== size) return undefined
    await outgoing.hashTo(size)
    return judge(entry, size, hash, { rewritten: false }).kind === 'proven' ? finished(entry) : undefined
  }
  /** Writes to the recorded target, else to a new object under a name that is free. */
  const write = async (begin: (plan: Plan) => Promise<Answer>): Promise<Answer> => {
    const { target } = claim.row
    if (target?.objectKey !== undefined) return await begin(planAt(target))
    const named = (file: string): Target => ({ kind: 'new', file })
    return await atFreeName(
      fileOf(claim.row),
      (file) => begin(planAt(named(file))),
      (file) => proven(named(file)),
    )
  }
  const reserve = async (): Promise<Answer> => {
    if (!driver.places) throw new TypeError('This provider has no keys to reserve.')
    const objectKey = await driver.places.make({ signal })
    await claim.save({ target: { kind: 'new', file: fileOf(claim.row), objectKey } })
    return { kind: 'reserved' }
  }
  const put = async (): Promise<Answer> => {
    const content: ContentSource = {
      size,
      open: (range) => outgoing.body(range?.start ?? 0, range ? range.end - range.start + 1 : size),
    }
    // An empty document has no last byte to be held back at.
    if (size === 0) for await (const _ of outgoing.body(0, 0)) break
    return await write(async (plan) => finished(await driver.write(plan, content, { signal })))
  }
  const open = async (): Promise<Answer> => {
    await session.giveUp(signal)
    return await write(async (plan) => {
      await session.open(plan, signal)
      return { kind: 'opened', target: plan.target.kind }
    })
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
    const progress = await mustResume().ask(await session.get(), size, { signal })
    if (progress.state === 'open') await progressed('ask', progress.offset)
    if (progress.state === 'done') made = progress.entry.objectKey
    return { kind: 'progress', from: 'ask', progress }
  }
  const send = async (offset: number, length: number): Promise<Answer> => {
    const body = outgoing.body(offset, length)
    try {
      const part = { body, offset, length, total: size }
      const progress = await mustResume().send(await session.get(), part, { signal })
      if (progress.state === 'open' && progress.offset > offset) await progressed('send', progress.offset)
      if (progress.state === 'done') made = progress.entry.objectKey
      return { kind: 'progress', from: 'send', progress }
    } finally {
      body.destroy()
    }
  }
  const look = async (): Promise<Answer> => {
    const { target } = claim.row
    if (!target) return { kind: 'absent' }
    if (target.kind === 'replace') return (await proven(target)) ?? { kind: 'absent' }
    const entry = await driver.find(planAt(target), { signal })
    if (!entry) return { kind: 'absent' }
    // Nobody but this transfer writes under a key of its own, so what stands there is its work, good or bad.
    if (target.objectKey !== undefined) return finished(entry)
    // The name was free when the session was opened: what is there now is its work, unless it is something else.
    await outgoing.hashTo(size)
    const { kind } = judge(entry, size, hash, { rewritten })
    return kind === 'mismatch' ? { kind: 'absent' } : finished(entry)
  }

  return {
    signal,
    hashColumns,
    get made() {
      return made
    },
    initialState() {
      const { row } = claim
      const direct = !sessions || size <= traits.singleRequestBytes
      return {
        size,
        direct,
        sendBytes: sessions?.mode === 'stream' ? options.streamBytes : (sessions?.fragmentBytes ?? size),
        reserves: driver.places !== undefined,
        target: row.target?.kind,
        hasSession: row.session !== undefined,
        begun: direct && row.target?.kind === 'new',
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
        case 'put':
          return await put()
        case 'open':
          return await open()
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
      const stat = async (): Promise<ObjectEntry> => await driver.stat(given.objectKey, { signal })
      const { entry, verdict } = await judgeStored(given, size, hash, { rewritten, stat })
      const waitedMs = options.clock.now() - row.progressAt
      const comes = traits.hash?.late === true && waitedMs < hashWaitMs
      if (verdict.kind === 'unknown' && comes) return { kind: 'unknown', entry }
      return { kind: 'known', settlement: settlementOf(entry, verdict) }
    },
    takeBack: () => session.close(),
    takeFailure() {
      return outgoing.takeFailure()
    },
    close: () => outgoing.close(),
  }
}
