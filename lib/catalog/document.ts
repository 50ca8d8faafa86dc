import * as z from 'zod/mini'
import { errorCodes, reauthReasons } from '../errors.ts'
import type { ConnectionId, DocumentId, Extension, ObjectKey, UserId, UserKey } from '../ids.ts'
import { hashAlgorithms, providerIds } from '../providers/registry.ts'

const text = <Brand extends string = string>() => z.custom<Brand>((value) => typeof value === 'string')
const hash = z.object({ algorithm: z.enum(hashAlgorithms), value: z.string() })

/** The content that was accepted last. */
const standing = z.object({
  /** The change that brought it; also the id of its event. */
  changeId: z.string(),
  /** The provider's version of the content; absent where it gives none. */
  revision: z.exactOptional(z.string()),
  size: z.number(),
  contentType: z.string(),
  extension: text<Extension>(),
  /** The name that we gave the file in the drive; gone once its user has renamed it. */
  file: z.exactOptional(z.string()),
  /** The name that its user gave it in the drive, the folder that it lies in, and whether it is gone. */
  named: z.exactOptional(z.string()),
  place: z.exactOptional(z.string()),
  gone: z.exactOptional(z.enum(['trashed', 'removed'])),
  hash: z.exactOptional(hash),
  verdict: z.exactOptional(z.enum(['verified', 'provider_transformed', 'unverified', 'mismatch'])),
  /**
   * A hash that the provider has not computed yet: what it has to
   * be, when to ask next, and for how long. Epoch milliseconds.
   */
  prove: z.exactOptional(
    z.object({
      hash,
      at: z.number(),
      until: z.number(),
      tries: z.number(),
      /** How often the bytes were sent before. */
      damaged: z.exactOptional(z.number()),
    }),
  ),
})

/**
 * Where a change's bytes go, recorded before the provider is
 * called. `new`: created under the id, or under the file name.
 */
const target = z.object({
  kind: z.enum(['new', 'replace']),
  objectKey: z.exactOptional(text<ObjectKey>()),
  file: z.string(),
  /** The version that the client has named: the drive has to refuse to write over another. */
  ifMatch: z.exactOptional(z.string()),
  /** `file` is what a person calls it: where that is taken, the next name has a number. */
  numbered: z.exactOptional(z.literal(true)),
})

/** Exactly which object of the intake bucket is sent: another one under the same key has another etag. */
const source = z.object({
  key: z.string(),
  etag: z.string(),
  size: z.number(),
  versionId: z.exactOptional(z.string()),
})

/** One attempt to replace what stands, by one door. Times are epoch milliseconds. */
const change = z.object({
  id: z.string(),
  door: z.enum(['put', 'intake', 'drop', 'url', 'delete']),
  /**
   * `receiving`: its bytes are waited for. `sending`: somebody works on it until
   * `until`. `waiting`: due at `notBefore`. `parked`: its user has to act.
   */
  state: z.enum(['receiving', 'sending', 'waiting', 'parked']),
  /** Grows with every claim: who holds an older one writes nothing more. */
  fence: z.number(),
  /** A random name of whoever holds the claim, and the queue message it works for. */
  owner: z.exactOptional(z.string()),
  message: z.exactOptional(z.string()),
  /** The claim, or the upload URL, ends then. */
  until: z.exactOptional(z.number()),
  connectionId: text<ConnectionId>(),
  provider: z.enum(providerIds),
  /** Of a delete: past the drive's trash. */
  permanent: z.exactOptional(z.boolean()),
  /** One request carries it: it cannot be called back, only waited for. */
  single: z.exactOptional(z.boolean()),
  size: z.number(),
  contentType: z.string(),
  extension: text<Extension>(),
  /** What the document is called once this change stands, where another version stands meanwhile. */
  name: z.exactOptional(z.string()),
  /** What the client says the bytes hash to, lower-case hex. */
  sha256: z.exactOptional(z.string()),
  /** What the provider's own hash of the bytes has to be, where the bytes were at hand. */
  proof: z.exactOptional(hash),
  /** Its bytes come in parts: the bucket's own id of that upload, and how it is cut. */
  upload: z.exactOptional(z.object({ id: z.string(), partSize: z.number(), partCount: z.number() })),
  startedAt: z.number(),
  target: z.exactOptional(target),
  source: z.exactOptional(source),
  session: z.exactOptional(z.object({ sealedUrl: z.string(), expiresAt: z.exactOptional(z.number()) })),
  /** Bytes that have left for the provider, those that it has acknowledged, and the hash of what was read. */
  sent: z.exactOptional(z.number()),
  offset: z.exactOptional(z.number()),
  hashState: z.exactOptional(z.string()),
  /** Attempts in all. */
  attempts: z.exactOptional(z.number()),
  /** Attempts since the provider last acknowledged anything new, and when that was. */
  failures: z.exactOptional(z.number()),
  progressAt: z.exactOptional(z.number()),
  /** How often the provider stored something else than was sent; 1 also when nobody could ask what it had. */
  damaged: z.exactOptional(z.number()),
  notBefore: z.exactOptional(z.number()),
  /** Why it is parked. */
  reason: z.exactOptional(z.enum([...reauthReasons, 'operator'])),
})

/** What is to be taken back; removing one is idempotent. */
const leftover = z.object({
  /** `keep`: the source stays in the bucket, tagged as failed. `parts`: what arrived of a source. */
  kind: z.enum(['object', 'session', 'source', 'keep', 'parts']),
  connectionId: text<ConnectionId>(),
  /** The object's id, the sealed address, the source's key, or the change whose parts `etag` names. */
  key: z.string(),
  etag: z.exactOptional(z.string()),
  notBefore: z.exactOptional(z.number()),
  /** What a session may have made before it was ended; or a request of a change that is over. */
  made: z.exactOptional(
    z.object({
      target,
      size: z.number(),
      since: z.number(),
      hash: z.exactOptional(hash),
      source: z.exactOptional(source),
    }),
  ),
})

export const documentRow = z.object({
  userKey: text<UserKey>(),
  documentId: text<DocumentId>(),
  userId: text<UserId>(),
  /** Where it lies; changes only while nothing stands. */
  connectionId: text<ConnectionId>(),
  provider: z.enum(providerIds),
  objectKey: z.exactOptional(text<ObjectKey>()),
  /** What a person calls it, byte for byte. */
  name: z.exactOptional(z.string()),
  standing: z.exactOptional(standing),
  change: z.exactOptional(change),
  /** The change that an inline PUT or a delete has pushed aside, until that one is over. */
  aside: z.exactOptional(change),
  /** How the last change ended. */
  last: z.exactOptional(
    z.object({
      changeId: z.string(),
      outcome: z.enum(['stored', 'failed']),
      code: z.exactOptional(z.enum(errorCodes)),
      detail: z.exactOptional(z.string()),
      at: z.string(),
      /** The bytes that failed, in the intake bucket, until a newer version or a delete takes them. */
      kept: z.exactOptional(z.object({ key: z.string(), etag: z.string() })),
    }),
  ),
  /** Never absent once written, so that entries come and go one by one. */
  remove: z.exactOptional(z.record(z.string(), leftover)),
  open: z.exactOptional(z.string()),
  /** The write id of a row that version 0.1 wrote. */
  old: z.exactOptional(z.string()),
  seq: z._default(z.number(), 0),
  createdAt: z.string(),
  updatedAt: z.string(),
  /** When the last change was accepted. */
  changedAt: z.exactOptional(z.string()),
})

export type DocumentRow = Readonly<z.output<typeof documentRow>>
export type Standing = Readonly<z.output<typeof standing>>
export type Change = Readonly<z.output<typeof change>>
export type Target = Readonly<z.output<typeof target>>
export type Source = Readonly<z.output<typeof source>>
export type Leftover = Readonly<z.output<typeof leftover>>
export type DocumentStatus = 'receiving' | 'uploading' | 'stored' | 'parked' | 'failed'

/** True for a deleted document whose leftovers are not gone yet: nobody but who tidies sees it. */
export function isDeleted(row: DocumentRow): boolean {
  return row.standing === undefined && row.change === undefined && row.last === undefined
}

/**
 * What a client is told: of the change under way, else of how the
 * last one ended. It never decides whether content can be read.
 */
export function statusOf(row: DocumentRow): DocumentStatus {
  const change = row.change?.door === 'delete' ? row.aside : row.change
  if (change?.state === 'receiving' || change?.state === 'parked') return change.state
  if (change) return 'uploading'
  return row.last?.outcome === 'failed' || row.standing === undefined ? 'failed' : 'stored'
}

/** When something that is left may go: never, for bytes whose own late hash is still waited for. */
export function dueOf(
  { standing }: Pick<DocumentRow, 'standing'>,
  { kind, notBefore = 0 }: Leftover,
): number {
  if (kind !== 'source') return notBefore
  return standing?.prove?.until === notBefore ? Infinity : 0
}

const iso = (time: number): string => new Date(time).toISOString()

/**
 * The row's entry in the index `open`: what somebody has to look
 * at, and when. Undefined when there is nothing to do.
 */
export function openOf(row: Pick<DocumentRow, 'change' | 'remove' | 'standing'>): string | undefined {
  const { change, standing } = row
  if (change) {
    const { state, door, until = 0, notBefore = 0, connectionId } = change
    if (state === 'parked') return `p#${connectionId}`
    if (state === 'receiving') return `r#${iso(until)}`
    if (state === 'waiting') return `w#${iso(notBefore)}`
    return `${door === 'put' || door === 'delete' ? 'i' : 's'}#${iso(until)}`
  }
  const times = Object.values(row.remove ?? {})
    .map((entry) => dueOf(row, entry))
    .filter(Number.isFinite)
  if (standing?.prove) times.push(standing.prove.at)
  return times.length === 0 ? undefined : `t#${iso(Math.min(...times))}`
}
