import type { Change, Target } from '../catalog/document.ts'
import type { Also, ChangePatch } from '../catalog/documents.ts'
import type { Driver, ObjectEntry, Plan, Sessions } from '../storage/driver.ts'
import { atFreeName } from '../storage/free-name.ts'
import { openOutgoing } from './body.ts'
import { createContentHash } from './hash.ts'
import type { Answer, PlanState, Step, Stop } from './plan.ts'
import { fileOf, freshPlace, planOf } from './place.ts'
import type { Attempt, EngineOptions } from './ports.ts'
import { workOf } from './settle.ts'
import { holdSession } from './session.ts'
import { algorithmsFor, judge, type Judged } from './judge.ts'

/** The hands of one attempt: each step of the plan, done once. */
export interface Run {
  readonly signal: AbortSignal
  initialState(): PlanState
  /** Does one step and records what has to be known after a crash. Rejects with the provider's error. */
  perform(step: Exclude<Step, Stop | { do: 'verify' }>, state: PlanState): Promise<Answer>
  verify(entry: ObjectEntry): Promise<{ readonly entry: ObjectEntry; readonly judged: Judged }>
  /** Closes the session that the row holds. */
  takeBack(): Promise<void>
  /** Why the last body ended early, when the reason is on our side; told once. */
  takeFailure(): unknown
  hashColumns(): ChangePatch
  close(): void
}

export async function openRun(options: EngineOptions, attempt: Attempt, signal: AbortSignal): Promise<Run> {
  const { claim, driver, source } = attempt
  const { size } = source
  const { sessions, traits } = driver
  const rewrites = traits.rewrites(claim.change.extension)
  const late = traits.hash?.late === true
  const session = holdSession(claim, options.sealer, sessions)
  const wanted = algorithmsFor(driver, claim.change.sha256)
  const hash = await createContentHash(options.startHash, wanted, size, claim.change.hashState)
  const known = knownMd5(driver, claim.change)
  const outgoing = openOutgoing(source, hash, {
    clock: options.clock,
    hashes: known === undefined,
    signal,
    onProgress: (bytes) => claim.report(bytes),
    openTurns: options.openTurns,
    ...(claim.change.sha256 === undefined ? {} : { expectedSha256: claim.change.sha256 }),
  })
  const hashColumns = (): ChangePatch => {
    const { algorithm } = traits.hash ?? {}
    const value = algorithm && hash.position === size ? hash.digest(algorithm) : undefined
    return {
      ...(hash.position > 0 ? { hashState: hash.save() } : {}),
      // All of it was read: what it has made is known by this, also when its bytes are gone.
      ...(algorithm && value !== undefined ? { proof: { algorithm, value } } : {}),
    }
  }
  claim.onRenewal(hashColumns)

  const planAt = (target: Target): Plan => planOf(claim.row, target)
  const mustResume = (): Sessions => {
    if (!sessions) throw new TypeError('This provider has no upload sessions.')
    return sessions
  }
  const finished = (entry: ObjectEntry): Answer => ({ kind: 'finished', entry })

  const judgeSent = async (entry: ObjectEntry, as: Parameters<typeof judge>[2]): Promise<Judged> => {
    if (known !== undefined && entry.size === size && entry.checksums.md5 === known)
      return { verdict: 'verified', size, hash: hashOf(entry, driver, known) }
    await outgoing.hashTo(size)
    return judge(entry, { size, algorithms: hash.algorithms, digest: hash.digest.bind(hash) }, as)
  }
  /** The drive has no hash yet of what stands at a place, and it may be our own work. */
  let isUndecided = false
  /** What stands at a place has the content that is being sent. */
  const proven = async (target: Target): Promise<Answer | undefined> => {
    isUndecided = false
    const entry = await driver.find(planAt(target), { signal })
    if (entry?.size !== size) return undefined
    const { verdict } = await judgeSent(entry, { rewrites: false, late: false })
    if (verdict === 'verified' || size === 0) return finished(entry)
    isUndecided = verdict === 'unverified'
    return undefined
  }
  /** Writes to the recorded target, whose name is another one when it is taken. */
  const write = async (begin: (plan: Plan, target: Target) => Promise<Answer>): Promise<Answer> => {
    const target = claim.change.target ?? (await placed())
    if (target.objectKey !== undefined) return await begin(planAt(target), target)
    return await atFreeName(
      target,
      async (file) => {
        const named = { ...target, file }
        if (file !== claim.change.target?.file) await claim.save({ target: named }, movedOn())
        return await begin(planAt(named), named)
      },
      (file) => proven({ ...target, file }),
    )
  }
  /** What is left under the name before goes as soon as it is known by its bytes. */
  const movedOn = (): Also => {
    const change = { ...claim.change, ...hashColumns() } as Change
    return isUndecided ? { leftovers: workOf(change, options.clock.now()) } : {}
  }
  const placed = async (): Promise<Target> => {
    const { row, change } = claim
    const called = fileOf({ driver, settings: options }, { ...row, ...change, name: change.name ?? row.name })
    const target = await freshPlace(driver, called, { signal })
    await claim.save({ target })
    return target
  }
  const reserve = async (): Promise<Answer> => {
    await placed()
    return { kind: 'reserved' }
  }
  const put = async (): Promise<Answer> => {
    const content = outgoing.body(0, size)
    // An empty document has no last byte to be held back at.
    if (size === 0) for await (const _ of content.open()) break
    return await write(async (plan) => finished(await driver.write(plan, content, { signal })))
  }
  const open = async (): Promise<Answer> => {
    await session.giveUp(signal)
    return await write(async (plan, target) => {
      await session.open(plan, target, signal)
      return { kind: 'opened', target: target.kind }
    })
  }
  /** Goes out with the next renewal: after a crash the provider is asked, so that this proves nothing. */
  const progressed = (from: 'ask' | 'send', at: number): void => {
    if (at <= (claim.change.offset ?? 0) && from === 'ask') return
    const { clock } = options
    claim.stage({ offset: at, sent: at, failures: 0, progressAt: clock.now(), notBefore: undefined })
  }
  const ask = async (): Promise<Answer> => {
    const progress = await mustResume().ask(await session.get(), size, { signal })
    if (progress.state === 'open') progressed('ask', progress.offset)
    return { kind: 'progress', from: 'ask', progress }
  }
  const send = async (offset: number, length: number): Promise<Answer> => {
    const part = { body: outgoing.body(offset, length), offset, total: size }
    const progress = await mustResume().send(await session.get(), part, { signal })
    if (progress.state === 'open' && progress.offset > offset) progressed('send', progress.offset)
    return { kind: 'progress', from: 'send', progress }
  }
  const look = async (): Promise<Answer> => {
    const { target } = claim.change
    if (!target) return { kind: 'absent' }
    if (target.kind === 'replace') return (await proven(target)) ?? { kind: 'absent' }
    const entry = await driver.find(planAt(target), { signal })
    if (!entry) return { kind: 'absent' }
    // Nobody but this change writes under a key of its own, so what stands there is its work, good or bad;
    // and so is what the drive has just said to be stored.
    if (target.objectKey !== undefined || entry.objectKey === driver.made?.objectKey) return finished(entry)
    // The name was free when the session was opened: what is there now is its work, or something else.
    const { verdict } = await judgeSent(entry, { rewrites, late })
    return verdict === 'mismatch' ? { kind: 'absent' } : finished(entry)
  }

  return {
    signal,
    hashColumns,
    initialState() {
      const { change } = claim
      const direct = !sessions || size <= traits.singleRequestBytes
      return {
        size,
        direct,
        sendBytes: sessions?.mode === 'stream' ? options.streamBytes : (sessions?.fragmentBytes ?? size),
        reserves: driver.places !== undefined,
        target: change.target?.kind,
        hasSession: change.session !== undefined,
        begun: direct && change.target !== undefined && (change.attempts ?? 1) > 1,
        offset: change.offset ?? 0,
        reopened: false,
        stalls: 0,
        failures: change.failures ?? 0,
      }
    },
    async perform(step, state) {
      // The plan has let go of a target that is not there any more.
      if (state.target === undefined && claim.change.target) claim.stage({ target: undefined })
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
      const first = await judgeSent(given, { rewrites, late })
      // The first answer may be older than what stands: a hash that comes a little later, a
      // size from before the rewriting. https://learn.microsoft.com/graph/api/resources/hashes
      // https://github.com/rclone/rclone/issues/9767
      const sure = first.verdict === 'verified' || !late
      if (sure) return { entry: given, judged: first }
      const entry = await driver.stat(given.objectKey, { signal })
      return { entry, judged: await judgeSent(entry, { rewrites, late }) }
    },
    takeBack: () => session.close(),
    takeFailure() {
      return outgoing.takeFailure()
    },
    close: () => outgoing.close(),
  }
}

/**
 * The MD5 that S3 has computed of an object as it arrived, where the drive computes one too: the two span the
 * whole way, and nothing is hashed here. What only looks like one differs, and then the bytes are hashed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 */
function knownMd5({ traits }: Driver, { source, sha256 }: Change): string | undefined {
  const isMd5 = /^[0-9a-f]{32}$/.test(source?.etag ?? '')
  return traits.hash?.md5 && sha256 === undefined && isMd5 ? source?.etag : undefined
}

/** The provider's own hash of what its MD5 has proven. */
function hashOf({ checksums }: ObjectEntry, { traits }: Driver, md5: string): NonNullable<Judged['hash']> {
  const algorithm = traits.hash?.algorithm ?? 'md5'
  const value = checksums[algorithm]
  return value === undefined ? { algorithm: 'md5', value: md5 } : { algorithm, value }
}
