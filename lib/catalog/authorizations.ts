import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import type { ConnectionId } from '../ids.ts'
import { providerIds } from '../providers/registry.ts'
import { idFields, rowParser, rowTable } from './table.ts'

/**
 * One leg of a consent under way, under the hash of the random value that opens it: `state`, from the
 * authorization URL to the callback, or `completion`, from there to the completion.
 */
const row = z.object({
  /** `authorizationKey` of the state or the completion code; neither is stored itself. */
  id: z.string(),
  kind: z.enum(['state', 'completion']),
  userKey: idFields.userKey,
  connectionId: idFields.connectionId,
  provider: z.enum(providerIds),
  redirectUri: z.string(),
  returnUrl: z.exactOptional(z.string()),
  /** The PKCE verifier, sealed. */
  sealedVerifier: z.string(),
  /** The provider's authorization code, sealed; on `completion` rows. */
  sealedCode: z.exactOptional(z.string()),
  /** The grant, sealed: an app password, or tokens when a later step of the completion has to be repeated. */
  sealedTokens: z.exactOptional(z.string()),
  /** When the user started, ISO time. */
  startedAt: z.string(),
  /**
   * On `state` rows: what the browser was answered, for whoever comes with the same `proof` again.
   * `sealedCode` is the completion code, sealed.
   */
  answer: z.exactOptional(
    z.object({
      proof: z.string(),
      sealedCode: z.exactOptional(z.string()),
      error: z.exactOptional(z.string()),
    }),
  ),
  /** On `completion` rows: the connection that has become active by it. */
  done: z.exactOptional(idFields.connectionId),
  /** Epoch seconds: the table's time to live, and checked on every read, since DynamoDB deletes late. */
  expiresAt: z.int(),
})
const meeting = z.object({ connectionId: idFields.connectionId })

export type Authorization = Readonly<z.output<typeof row>>
export type BrowserAnswer = NonNullable<Authorization['answer']>

export interface AuthorizationStore {
  create(authorization: Authorization): Promise<void>
  /** The row, used or not; undefined when unknown or expired. */
  get(id: string): Promise<Authorization | undefined>
  /** Writes the browser's answer down, unless there is one: the row with the first. Else as `get`. */
  answer(id: string, answer: BrowserAnswer): Promise<Authorization | undefined>
  /** Takes the row for `claim` until `until`, epoch milliseconds. False when it is another's, or done. */
  claim(id: string, claim: string, until: number): Promise<boolean>
  /** Counts one more try of a password; false after `most` of them. */
  countTry(id: string, most: number): Promise<boolean>
  /** Gives a claimed row back, with `sealedTokens` when the code was exchanged already. */
  release(id: string, claim: string, sealedTokens?: string): Promise<void>
  /** The completion has succeeded: what it opened is forgotten, what came of it is kept. */
  finish(id: string, connectionId: ConnectionId): Promise<void>
  /** Deletes the row: nothing of it is needed any more. */
  remove(id: string): Promise<void>
  /**
   * Which connection everybody takes who comes with this id before `expiresAt`, epoch seconds: the one that
   * was brought first, unless it is `instead`.
   */
  meet(
    id: string,
    connectionId: ConnectionId,
    expiresAt: number,
    instead?: ConnectionId,
  ): Promise<ConnectionId>
}

/** The authorizations table. `now` in epoch milliseconds decides what has expired. */
export function authorizationStore(client: Dynamo, tableName: string, now: () => number): AuthorizationStore {
  const table = rowTable(client, tableName, rowParser('authorization', row))
  const meetings = rowTable(client, tableName, rowParser('meeting', meeting))
  const alive = 'expiresAt > :now'
  const seconds = (): number => Math.floor(now() / 1000)
  return {
    async create(authorization) {
      // The id is the hash of 32 random bytes: a row under it is this very write, repeated by the SDK.
      await table.put(authorization)
    },
    async get(id) {
      const found = await table.get({ id })
      return found !== undefined && found.expiresAt * 1000 > now() ? found : undefined
    },
    answer: (id, answer) =>
      table.update(
        { id },
        { initial: { answer }, condition: { expression: alive, values: { ':now': seconds() } } },
      ),
    async claim(id, claim, until) {
      const claimed = await table.update(
        { id },
        {
          set: { usedBy: claim, usedUntil: until },
          condition: {
            expression: `${alive} AND attribute_not_exists(done) AND (attribute_not_exists(usedUntil) OR usedUntil <= :time OR usedBy = :claim)`,
            values: { ':claim': claim, ':now': seconds(), ':time': now() },
          },
        },
      )
      return claimed !== undefined
    },
    async countTry(id, most) {
      const counted = await table.update(
        { id },
        {
          count: ['tries'],
          condition: {
            expression: `${alive} AND (attribute_not_exists(tries) OR tries < :most)`,
            values: { ':now': seconds(), ':most': most },
          },
        },
      )
      return counted !== undefined
    },
    async release(id, claim, sealedTokens) {
      await table.update(
        { id },
        {
          set: { sealedTokens },
          remove: ['usedBy', 'usedUntil'],
          condition: { expression: 'usedBy = :claim', values: { ':claim': claim } },
        },
      )
    },
    async finish(id, done) {
      await table.update(
        { id },
        {
          set: { done },
          remove: ['usedBy', 'usedUntil', 'sealedCode', 'sealedTokens'],
          condition: { expression: 'attribute_exists(id)' },
        },
      )
    },
    async remove(id) {
      await table.delete({ id })
    },
    async meet(id, connectionId, expiresAt, instead) {
      const mine = { id, connectionId, expiresAt }
      const free = `attribute_not_exists(id) OR expiresAt <= :now OR connectionId = :instead`
      const values = { ':now': seconds(), ':instead': instead ?? connectionId }
      if (await meetings.put(mine, { expression: free, values })) return connectionId
      return (await meetings.get({ id }))?.connectionId ?? connectionId
    },
  }
}
