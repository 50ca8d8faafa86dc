import * as z from 'zod/mini'
import { parseInput } from '../json-protocol.ts'

const maxSecretBytes = 65_536

const secretId = z.string().check(z.minLength(1), z.maxLength(2048))
const token = z.optional(z.string().check(z.minLength(32), z.maxLength(64)))
const stage = z.string().check(z.minLength(1), z.maxLength(256))
const tags = z.array(
  z.object({ Key: z.string().check(z.minLength(1), z.maxLength(128)), Value: z.optional(z.string()) }),
)

/** The message never repeats the value. */
const fits = (bytes: (text: string) => number) =>
  z.refine<string>(
    (text) => bytes(text) <= maxSecretBytes,
    'Member must have length less than or equal to 65536',
  )

const value = {
  SecretString: z.optional(z.string().check(fits((text) => Buffer.byteLength(text)))),
  SecretBinary: z.optional(z.string().check(fits((text) => Buffer.from(text, 'base64').length))),
}
const filters = z.optional(z.array(z.object({ Key: z.string(), Values: z.array(z.string()) })))
const paging = {
  MaxResults: z.optional(z.int().check(z.gte(1), z.lte(100))),
  NextToken: z.optional(z.string()),
}

export const createSecretInput = z.object({
  Name: z.string().check(z.maxLength(512), z.regex(/^[A-Za-z0-9/_+=.@!-]+$/)),
  ClientRequestToken: token,
  Description: z.optional(z.string()),
  KmsKeyId: z.optional(z.string()),
  Tags: z.optional(tags),
  ...value,
})
export const putValueInput = z.object({
  SecretId: secretId,
  ClientRequestToken: token,
  VersionStages: z.optional(z.array(stage).check(z.minLength(1), z.maxLength(20))),
  ...value,
})
export const updateSecretInput = z.object({
  SecretId: secretId,
  ClientRequestToken: token,
  Description: z.optional(z.string()),
  KmsKeyId: z.optional(z.string()),
  ...value,
})
export const updateStageInput = z.object({
  SecretId: secretId,
  VersionStage: stage,
  RemoveFromVersionId: z.optional(z.string()),
  MoveToVersionId: z.optional(z.string()),
})
export const getValueInput = z.object({
  SecretId: secretId,
  VersionId: z.optional(z.string()),
  VersionStage: z.optional(stage),
})
export const secretInput = z.object({ SecretId: secretId })
export const deleteSecretInput = z.object({
  SecretId: secretId,
  RecoveryWindowInDays: z.optional(z.int()),
  ForceDeleteWithoutRecovery: z.optional(z.boolean()),
})
export const listSecretsInput = z.object({
  Filters: filters,
  IncludePlannedDeletion: z.optional(z.boolean()),
  SortOrder: z.optional(z.enum(['asc', 'desc'])),
  ...paging,
})
export const listVersionsInput = z.object({
  SecretId: secretId,
  IncludeDeprecated: z.optional(z.boolean()),
  ...paging,
})
export const batchGetInput = z.object({
  SecretIdList: z.optional(z.array(secretId).check(z.minLength(1), z.maxLength(20))),
  Filters: filters,
  ...paging,
})
export const tagInput = z.object({ SecretId: secretId, Tags: tags })
export const untagInput = z.object({ SecretId: secretId, TagKeys: z.array(z.string()) })

export type SecretValue = z.infer<typeof putValueInput>
export type Filters = z.infer<typeof filters>

/** Reads an input, with the exception that the service uses for a malformed one. */
export const parse = <Schema extends z.ZodMiniType>(schema: Schema, input: unknown): z.infer<Schema> =>
  parseInput(schema, input, 'ValidationException')
