import type { Readable } from 'node:stream'
import type { ObjectKey, UserId } from '../ids.ts'
import type { Pieces } from '../net/exactly.ts'
import type { HashAlgorithm, ProviderId } from '../providers/registry.ts'
import type { Secret } from '../secret.ts'
import type { ByteRange, ContentSource, ResolvedRange } from './bytes.ts'
import type { Traits } from './traits.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface RemoveOptions extends CallOptions {
  readonly permanent?: boolean | undefined
  /** The version that is meant: where its key can be given to something else, that stays. */
  readonly ifMatch?: string
}

/** A stored object as the provider describes it. */
export interface ObjectEntry {
  readonly objectKey: ObjectKey
  readonly size: number
  readonly name?: string
  readonly contentType?: string
  /** The folder that it lies in, by whatever names a folder there; empty for one that nobody may see. */
  readonly place?: string
  /** When the provider made it, epoch milliseconds. */
  readonly createdAt?: number
  /** The version of the content, without quotes. */
  readonly etag?: string
  /** Only what the provider computed itself. */
  readonly checksums: Readonly<Partial<Record<HashAlgorithm, string>>>
}

/** Where a write goes. */
export type Target =
  /** A new object of this name; with `objectKey` under an id that `places.make` gave for it alone. */
  | {
      readonly kind: 'new'
      readonly file: string
      /** Where the name is taken, the next one has a number. */
      readonly numbered?: true
      readonly objectKey?: ObjectKey
    }
  /**
   * The object of this key, which keeps its name. With `ifMatch`, an entry's tag, a drive that can writes
   * over that version alone, and refuses with `precondition_failed`.
   */
  | { readonly kind: 'replace'; readonly objectKey: ObjectKey; readonly ifMatch?: string }

/** Content on its way. */
export interface Plan {
  readonly userId: UserId
  readonly contentType: string
  readonly size: number
  readonly target: Target
}

/**
 * One provider for one connection: six methods, and one object for each thing that only some have. What holds
 * for all methods stands in README.md.
 */
export interface Driver {
  readonly provider: ProviderId
  readonly traits: Traits

  /**
   * Caller: any key that this driver has given out.
   * Driver: asks the provider now; `object_missing` when the object is gone or in the trash, whoever put it
   * there.
   */
  stat(key: ObjectKey, options?: CallOptions): Promise<ObjectEntry>

  /**
   * Caller: a range asks for at least one byte, whatever the object's size. It takes the body or destroys it.
   * Driver: `entry` describes the very version that `body` is of. May answer the whole object for a range and
   * says so. `range_not_satisfiable` carries the size in its context. The caller checks the body's length.
   */
  read(key: ObjectKey, range: ByteRange | undefined, options?: CallOptions): Promise<RawContent>

  /**
   * Caller: `content.size === plan.size <= traits.singleRequestBytes`; where there are `places`, a new object
   * has a key from there.
   * Driver: one request. A source that fails or has another length leaves no object. `new` writes over
   * nothing (PlaceTaken) but an object under its own key. `replace`: `object_missing` when it is gone.
   */
  write(plan: Plan, content: ContentSource, options?: CallOptions): Promise<ObjectEntry>

  /**
   * Driver: the object at the plan's target, or undefined. Judges nothing: an object of other content is
   * answered too.
   */
  find(plan: Plan, options?: CallOptions): Promise<ObjectEntry | undefined>

  /**
   * Driver: `object_missing` for what it sees to be gone already. To the trash where there is one; with
   * `permanent` past it, where the provider can, and what is in the trash already goes, too.
   */
  remove(key: ObjectKey, options?: RemoveOptions): Promise<void>

  /** Driver: the cheapest call that proves token, scope and place; resolves, or rejects with why not. */
  check(options?: CallOptions): Promise<void>

  readonly places?: Places
  readonly sessions?: Sessions
  readonly renaming?: Renaming
  readonly history?: History
  readonly changes?: Changes
  readonly signedUrls?: SignedUrls
  readonly directUrls?: DirectUrls
  readonly space?: Space
}

/** An answer's body on its way from the provider. */
export interface RawContent {
  readonly entry: ObjectEntry
  readonly body: Readable
  /** What `body` is: the whole object, or this part of it. */
  readonly sent: 'whole' | ResolvedRange
  /** The announced length, when there was one. */
  readonly announced?: number
}

/** Objects have ids that can be had before they are made. */
export interface Places {
  /** Caller: records the key before anything is written to it. Driver: a key that nobody else has. */
  make(options?: CallOptions): Promise<ObjectKey>
}

/** An open upload. The URL is a bearer secret: the caller seals it before it stores it. */
export interface UploadSession {
  readonly url: Secret
  /** Epoch milliseconds. */
  readonly expiresAt?: number
  /** It was opened for one version alone. */
  readonly conditional?: true
}

export type UploadProgress =
  /** `offset`: how many bytes the provider has acknowledged. */
  | { readonly state: 'open'; readonly offset: number; readonly expiresAt?: number }
  | { readonly state: 'done'; readonly entry: ObjectEntry }
  /** Unknown, ended or expired: ask `find` before starting over. */
  | { readonly state: 'gone' }

/** Uploads that another process can go on with. */
export interface Sessions {
  /**
   * `fragments`: requests of `fragmentBytes` each but the last; `stream`: one request for all that is left,
   * kept as far as it got.
   */
  readonly mode: 'fragments' | 'stream'
  readonly fragmentBytes: number
  /**
   * Caller: `plan.size > 0`. Driver: nothing becomes visible before the last byte. PlaceTaken as `write`;
   * also from `send` and `ask`, when the place was taken meanwhile.
   */
  begin(plan: Plan, options?: CallOptions): Promise<UploadSession>
  /** Caller: offsets as the driver acknowledged them. Driver: answers only what the provider acknowledged. */
  send(session: UploadSession, part: Part, options?: CallOptions): Promise<UploadProgress>
  /** Driver: where the session stands, asked now. */
  ask(session: UploadSession, total: number, options?: CallOptions): Promise<UploadProgress>
  /** Driver: frees the session and the name it may hold. Already gone is success. */
  cancel(session: UploadSession, options?: CallOptions): Promise<void>
}

export interface Part {
  readonly body: Pieces
  readonly offset: number
  readonly total: number
}

/** An object keeps its key under another name. */
export interface Renaming {
  /** Driver: PlaceTaken when another object has that name. */
  rename(key: ObjectKey, file: string, options?: CallOptions): Promise<void>
}

/** What an object held before, for as long as the provider keeps it. */
export interface History {
  /**
   * Driver: makes the content of an earlier version the object's content again, where it still has it;
   * `isIt` tells whether what stands then is the one. Undefined when none was.
   */
  restore(
    key: ObjectKey,
    version: Omit<Plan, 'target'> & { readonly revision?: string },
    isIt: (entry: ObjectEntry) => boolean,
    options?: CallOptions,
  ): Promise<ObjectEntry | undefined>
}

/** An object as it is now. `removed`: for good, or out of the app's sight. */
export type Seen = { readonly entry: ObjectEntry } | { readonly gone: 'trashed' | 'removed' }

/** What happens to the objects of an account, whoever does it. */
export interface Changes {
  /** Driver: a cursor of what comes from now on. */
  begin(options?: CallOptions): Promise<string>
  /**
   * Driver: what has happened since, page by page; undefined when the cursor is good no more. Each object is
   * told as it is now; what has not changed, and what is none of ours, may be told, too.
   */
  since(cursor: string, options?: CallOptions): Promise<ChangePage | undefined>
  /** Driver: asks the provider now. */
  look(key: ObjectKey, options?: CallOptions): Promise<Seen>
}

export interface ChangePage {
  readonly changed: readonly { readonly key: ObjectKey; readonly seen: Seen }[]
  /** A folder changed, and what has become of the objects in it is not told. */
  readonly isUnsure: boolean
  /** The cursor behind this page. */
  readonly next: string
  readonly more: boolean
}

/** URLs that carry their own permission. Minutes are whole and within the contract's limits. */
export interface SignedUrls {
  /** When a URL ends that is signed at `now`, epoch milliseconds: not after the credentials that sign it. */
  until(now: number, minutes: number): Promise<number>
  /** The key that an upload under this name goes to. No call. */
  keyFor(userId: UserId, file: string): ObjectKey
  get(
    key: ObjectKey,
    minutes: number,
    as?: { readonly disposition: string; readonly contentType: string },
  ): Promise<string>
  put(
    key: ObjectKey,
    minutes: number,
    contentType?: string,
  ): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }>
}

/** The provider's own short-lived reading address, which needs no token. */
export interface DirectUrls {
  /** Undefined where the provider gives none for this object or account. */
  read(key: ObjectKey, options?: CallOptions): Promise<Secret | undefined>
}

export interface Space {
  usage(options?: CallOptions): Promise<Usage>
}

/** Bytes; `limit` absent when there is none. */
export interface Usage {
  readonly used: number
  readonly limit?: number
}
