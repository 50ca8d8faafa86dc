import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod/mini'
import { oauthProviderIds } from '../providers/registry.ts'
import type { OAuthProviderId } from '../providers/registry.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId, UserKey } from '../ids.ts'
import { connectionIdPattern, parseUserKey } from '../ids.ts'
import { catalogError, rowTable } from './table.ts'

/**
 * One leg of a consent under way. Two kinds of row share the table, each under the hash of the random value that opens it:
 * `state` (from the authorization URL to the callback) and `completion` (from the callback to the completion).
 */
export interface Authorization {
  /** `authorizationKey` of the state or the completion code; neither is stored itself. */
  readonly id: string
  readonly kind: 'state' | 'completion'
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
  readonly provider: OAuthProviderId
  readonly redirectUri: string
  readonly returnUrl?: string
  /** The PKCE verifier, sealed. */
  readonly sealedVerifier: string
  /** The provider's authorization code, sealed; on `completion` rows. */
  readonly sealedCode?: string
  /** What the code was exchanged for, sealed, when a later step of the completion has to be repeated. */
  readonly sealedTokens?: string
  /** When the user started, ISO time. */
  readonly startedAt: string
  /** Epoch seconds: the table's time to live, and checked on every read, since DynamoDB deletes late. */
  readonly expiresAt: number
}

export interface AuthorizationStore {
  create(authorization: Authorization): Promise<void>
  /** The row, used or not; undefined when unknown or expired. */
  get(id: string): Promise<Authorization | undefined>
  /** Takes the row for `claim`: at most one claim ever gets it. False when used, unknown or expired. */
  claim(id: string, claim: string): Promise<boolean>
  /** Gives a claimed row back, with `sealedTokens` when the code was exchanged already. */
  release(id: string, claim: string, sealedTokens?: string): Promise<void>
  /** Deletes the row: nothing of it is needed any more. */
  remove(id: string): Promise<void>
}

const rowSchema = z.object({
  id: z.string(),
  kind: z.enum(['state', 'completion']),
  userKey: z.string().check(z.refine((text) => parseUserKey(text) !== undefined)),
  connectionId: z.string().check(z.regex(connectionIdPattern)),
  provider: z.enum(oauthProviderIds),
  redirectUri: z.string(),
  returnUrl: z.optional(z.string()),
  sealedVerifier: z.string(),
  sealedCode: z.optional(z.string()),
  sealedTokens: z.optional(z.string()),
  startedAt: z.string(),
  expiresAt: z.int(),
})

function parseRow(item: unknown): Authorization {
  const parsed = rowSchema.safeParse(item)
  // The schema has just proven what the brands say.
  if (parsed.success) return parsed.data as unknown as Authorization
  throw new ServiceError('internal_error', 'A stored authorization is malformed.')
}

/** The authorizations table. `now` in epoch milliseconds decides what has expired. */
export function authorizationStore(
  client: DynamoDBDocumentClient,
  tableName: string,
  now: () => number,
): AuthorizationStore {
  const table = rowTable(client, tableName, parseRow)
  return {
    async create(authorization) {
      try {
        // The id is the hash of 32 random bytes, so a row under it can only be this very write, repeated by the SDK.
        await client.send(new PutCommand({ TableName: tableName, Item: authorization }))
      } catch (error) {
        throw catalogError(error)
      }
    },
    async get(id) {
      const row = await table.get({ id })
      return row !== undefined && row.expiresAt * 1000 > now() ? row : undefined
    },
    async claim(id, claim) {
      const update = new UpdateCommand({
        TableName: tableName,
        Key: { id },
        UpdateExpression: 'SET usedBy = :claim',
        ConditionExpression:
          'attribute_exists(id) AND expiresAt > :now AND (attribute_not_exists(usedBy) OR usedBy = :claim)',
        ExpressionAttributeValues: { ':claim': claim, ':now': Math.floor(now() / 1000) },
      })
      return held(() => client.send(update))
    },
    async release(id, claim, sealedTokens) {
      const update = new UpdateCommand({
        TableName: tableName,
        Key: { id },
        UpdateExpression:
          sealedTokens === undefined ? 'REMOVE usedBy' : 'SET sealedTokens = :tokens REMOVE usedBy',
        ConditionExpression: 'usedBy = :claim',
        ExpressionAttributeValues: {
          ':claim': claim,
          ...(sealedTokens === undefined ? {} : { ':tokens': sealedTokens }),
        },
      })
      await held(() => client.send(update))
    },
    async remove(id) {
      await table.delete({ id })
    },
  }
}

async function held(send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return false
    throw catalogError(error)
  }
}
