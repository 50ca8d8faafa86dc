import type { Dynamo } from '../aws/dynamo.ts'
import * as z from 'zod/mini'
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
  /** Epoch seconds: the table's time to live, and checked on every read, since DynamoDB deletes late. */
  expiresAt: z.int(),
})

export type Authorization = Readonly<z.output<typeof row>>

export interface AuthorizationStore {
  create(authorization: Authorization): Promise<void>
  /** The row, used or not; undefined when unknown or expired. */
  get(id: string): Promise<Authorization | undefined>
  /** Takes the row for `claim`: at most one claim ever gets it. False when used, unknown or expired. */
  claim(id: string, claim: string): Promise<boolean>
  /** Counts one more try of a password under an unused row; false after `most` of them. */
  countTry(id: string, most: number): Promise<boolean>
  /** Gives a claimed row back, with `sealedTokens` when the code was exchanged already. */
  release(id: string, claim: string, sealedTokens?: string): Promise<void>
  /** Deletes the row: nothing of it is needed any more. */
  remove(id: string): Promise<void>
}

/** The authorizations table. `now` in epoch milliseconds decides what has expired. */
export function authorizationStore(client: Dynamo, tableName: string, now: () => number): AuthorizationStore {
  const table = rowTable(client, tableName, rowParser('authorization', row))
  return {
    async create(authorization) {
      // The id is the hash of 32 random bytes: a row under it is this very write, repeated by the SDK.
      await table.put(authorization)
    },
    async get(id) {
      const found = await table.get({ id })
      return found !== undefined && found.expiresAt * 1000 > now() ? found : undefined
    },
    async claim(id, claim) {
      const claimed = await table.update(
        { id },
        {
          set: { usedBy: claim },
          condition: {
            expression:
              'attribute_exists(id) AND expiresAt > :now AND (attribute_not_exists(usedBy) OR usedBy = :claim)',
            values: { ':claim': claim, ':now': Math.floor(now() / 1000) },
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
            expression:
              'expiresAt > :now AND attribute_not_exists(usedBy) AND (attribute_not_exists(tries) OR tries < :most)',
            values: { ':now': Math.floor(now() / 1000), ':most': most },
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
          remove: ['usedBy'],
          condition: { expression: 'usedBy = :claim', values: { ':claim': claim } },
        },
      )
    },
    async remove(id) {
      await table.delete({ id })
    },
  }
}
