import { createHash } from 'node:crypto'
import type { ServiceError } from '../lib/errors.ts'
import { isServiceError } from '../lib/errors.ts'
import { userId } from '../lib/ids.ts'
import { retrying } from '../lib/net/retry.ts'
import type { ContentSource } from '../lib/storage/bytes.ts'
import { contentOf } from '../lib/storage/bytes.ts'
import type { Driver, ObjectEntry, Plan, Sessions, Target } from '../lib/storage/driver.ts'
import { StorageBackend } from '../lib/storage/storage-backend.ts'
import { writeWhole } from '../lib/storage/write-whole.ts'
import type { Account, FaultAction, FaultPoint, Harness, Subject, World } from './harness.ts'

export const CHUNK_SIZE = 10 * 1024 * 1024
export const alice = userId('alice')

interface PutInput {
  readonly id?: string
  readonly content?: ContentSource
  readonly contentType?: string
  readonly extension?: string
  readonly user?: string
  readonly target?: Target
  readonly signal?: AbortSignal
}

/** Puts as a use case does: a key is made first where the provider has such a thing. */
export async function put(driver: Driver, input: PutInput = {}): Promise<ObjectEntry> {
  const { id = 'doc-1', extension = '.txt', content = contentOf(Buffer.from('hello')), user } = input
  const { contentType = 'text/plain', signal } = input
  const target = input.target ?? (await newTarget(driver, `${id}${extension}`))
  const who = user === undefined ? alice : userId(user)
  const plan = { userId: who, contentType, size: content.size, target }
  return await writeWhole(driver, plan, content, signal ? { signal } : {})
}

export async function newTarget(driver: Driver, file = 'doc-1.txt'): Promise<Target> {
  const key = await driver.places?.make()
  return { kind: 'new', file, ...(key === undefined ? {} : { objectKey: key }) }
}

export function never(): never {
  throw new Error('the test has made a mistake')
}

export async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isServiceError(error)) return error
  throw error
}

export async function planFor(driver: Driver, size: number, file = 'doc-1.bin'): Promise<Plan> {
  const target = await newTarget(driver, file)
  return { userId: alice, contentType: 'application/octet-stream', size, target }
}

export function sessionsOf({ sessions }: Driver): Sessions {
  return sessions ?? never()
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What is there when nothing is. */
export const nothing = { held: [], open: 0 }

/** What is there when one object is. */
export function only(content: Uint8Array) {
  return { held: [sha256(content)], open: 0 }
}

/** What the tests of one subject share: a fresh account for each. */
export class Stage {
  readonly subject: Subject
  readonly sample: Driver
  #harness: Harness | undefined
  #world: World | undefined
  #driver: Driver | undefined

  constructor(subject: Subject) {
    this.subject = subject
    this.sample = subject.sample()
  }

  async open(): Promise<void> {
    this.#harness = await this.subject.start()
  }

  async close(): Promise<void> {
    await this.#harness?.close()
  }

  async begin(): Promise<void> {
    this.#world = await (this.#harness ?? never()).world()
    this.#driver = this.#world.driver()
  }

  async end(): Promise<void> {
    if (((await this.#world?.faults?.unmet()) ?? 0) > 0) throw new Error('A fault was not met.')
  }

  get world(): World {
    return this.#world ?? never()
  }

  get driver(): Driver {
    return this.#driver ?? never()
  }

  get backend(): StorageBackend {
    return new StorageBackend(this.driver)
  }

  account(): Account {
    return this.world.account ?? never()
  }

  /** Repeats as the one layer does that retries. */
  again<Result>(work: () => Promise<Result>): Promise<Result> {
    return retrying(work, { clock: this.world.clock, random: () => 0.5 })
  }

  /** The hashes of what is there, and how many uploads are open. */
  async standing() {
    const held = (await this.world.held()).map((file) => file.sha256)
    return { held, open: await this.world.openSessions() }
  }

  async fault(point: FaultPoint, action: FaultAction, times?: number): Promise<void> {
    await (this.world.faults ?? never()).arm(point, action, times)
  }

  async faultLast(action: FaultAction, fragments: number): Promise<void> {
    await (this.world.faults ?? never()).armLast(action, fragments)
  }
}
