import type { Control } from '../../simulators/control-client.ts'
import type { Told } from './aws.ts'
import type { Ask } from './client.ts'
import type { Cloud } from './drives.ts'
import type { Item } from './expressions.ts'
import type { WireAnswer, WireRequest } from './in-process.ts'
import type { StreamRecord } from './tables.ts'

export type BucketName = 'intake' | 'storage'

/** An object in a bucket. */
export interface Lying {
  readonly key: string
  readonly bytes: Buffer
  readonly tags: Readonly<Record<string, string>>
}

/** Clocks, and what happens later. Milliseconds. */
export interface Time {
  readonly now: number
  after(ms: number, run: () => void): void
}

/**
 * Where histories take place, as those see it who act there and who look at what has become of it: a world in
 * memory, or the processes of a stack. Nothing else of either is known to acts and audits.
 */
export interface Ground extends Time {
  tell(line: string): void
  /** Bytes: above `small` a document takes more than one step, above `fragment` more than one request. */
  readonly sizes: { readonly small: number; readonly fragment: number }
  /** Of the API, as `sub`; `name` is of what asks. */
  appOf(sub: string, name: string): Ask
  /** One request to a provider's own server, as its users' browsers and programs send it. */
  askProvider(request: WireRequest): Promise<WireAnswer | undefined>
  /** A token with which the owner of an account may do all there that owners may. */
  bearer(cloud: Cloud, account: string): Promise<string>
  control(cloud: Cloud): Pick<Control, 'files' | 'setQuota' | 'revoke' | 'expireTokens'>
  /** For so long it answers nothing but 503. */
  outage(cloud: Cloud, ms: number): Promise<void>

  rows(table: string): Promise<readonly Item[]>
  objects(bucket: BucketName): Promise<readonly Lying[]>
  /** Whether it was put: `isNew` puts nothing where something lies. */
  putObject(bucket: BucketName, key: string, bytes: Buffer, isNew: boolean): Promise<boolean>
  removeObject(bucket: BucketName, key: string): Promise<boolean>
  /** The status that S3 answers. */
  putSigned(url: string, headers: Readonly<Record<string, string>>, bytes: Buffer): Promise<number>

  /** Whether AWS itself fails now and then: an error of ours may be due to that. */
  mayAwsFail(): boolean
  /** Waits for what was asked; a clock that somebody has to turn is turned meanwhile. */
  wait<T>(asked: Promise<T>): Promise<T>
  /** Messages, events or calls are still on their way. */
  isBusy(): Promise<boolean>
  evidence(): Promise<Evidence>
}

/** What a history leaves behind, beside rows and files. */
export interface Evidence {
  readonly told: readonly Told[]
  /** Every write of a table with a change stream, in order. */
  readonly written: readonly StreamRecord[]
  /** Messages that wait in queues, and those that nobody could work on. */
  readonly waiting: readonly string[]
  readonly dead: readonly string[]
  /** What functions have printed. */
  readonly printed: string
  /** What was sent by those who died then, by SHA-256. */
  readonly ofTheDead: ReadonlyMap<string, Buffer>
  /** What a drive has stored wrongly with nobody hearing of it, as it was sent, by SHA-256. */
  readonly unheard: ReadonlyMap<string, Buffer>
  /** SHA-256 of contents whose worker died: it may lie in a drive, and nobody can say whose it is. */
  isUnclaimed(sha: string): boolean
  /** When a file was last renamed by the product, at a drive that takes no condition with it. */
  renamedAt(id: string): number | undefined
}
