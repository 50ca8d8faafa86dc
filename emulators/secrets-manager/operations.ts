import { inTransaction } from '../database.ts'
import { AwsJsonError } from '../json-protocol.ts'
import { invalidParameter, invalidRequest, resourceExists } from './errors.ts'
import {
  batchGetSecretValue,
  describe,
  getSecretValue,
  listSecrets,
  listSecretVersionIds,
  seconds,
  versionsToStages,
} from './listing.ts'
import * as schemas from './schemas.ts'
import {
  eraseSecret,
  findSecret,
  insertSecret,
  markDeleted,
  requireLiveSecret,
  requireSecret,
  updateSecretRow,
  type Secret,
  type Vault,
} from './secret-store.ts'
import { addVersion, changeStage, hasValue, selectVersion, stagesOfVersion } from './versions.ts'

const { parse } = schemas
const dayMs = 24 * 60 * 60 * 1000

const tagMap = (tags: readonly { Key: string; Value?: string | undefined }[]): Record<string, string> =>
  Object.fromEntries(tags.map(({ Key, Value = '' }) => [Key, Value]))

/** A second CreateSecret with the same token and value is the first one's retry. */
const repeatedCreate = (vault: Vault, existing: Secret, input: unknown): unknown => {
  const request = parse(schemas.createSecretInput, input)
  if (existing.deletedAt !== undefined)
    throw invalidRequest(
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
  const refuse = resourceExists(`The operation failed because the secret ${existing.name} already exists.`)
  const token = request.ClientRequestToken
  if (token === undefined || stagesOfVersion(vault, existing.arn, token).length === 0) throw refuse
  const { value, isBinary } = selectVersion(vault, existing, token, undefined)
  const given = isBinary
    ? Buffer.from(request.SecretBinary ?? '', 'base64')
    : Buffer.from(request.SecretString ?? '')
  if (!value.equals(given) || isBinary !== (request.SecretBinary !== undefined)) throw refuse
  return { ARN: existing.arn, Name: existing.name, VersionId: token }
}

const createSecret = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.createSecretInput, input)
  const withValue = hasValue(request)
  const existing = findSecret(vault, request.Name)
  if (existing) return repeatedCreate(vault, existing, input)
  const secret = insertSecret(vault, {
    name: request.Name,
    description: request.Description ?? '',
    kmsKeyId: request.KmsKeyId ?? '',
    tags: tagMap(request.Tags ?? []),
  })
  const version = withValue ? { VersionId: addVersion(vault, secret, request, ['AWSCURRENT']) } : {}
  return { ARN: secret.arn, Name: secret.name, ...version }
}

const putSecretValue = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.putValueInput, input)
  if (!hasValue(request)) throw invalidParameter('You must provide either SecretString or SecretBinary.')
  const secret = requireLiveSecret(vault, request.SecretId)
  const id = addVersion(vault, secret, request, request.VersionStages ?? ['AWSCURRENT'])
  updateSecretRow(vault, secret.arn, {})
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: id,
    VersionStages: stagesOfVersion(vault, secret.arn, id),
  }
}

const updateSecret = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.updateSecretInput, input)
  const withValue = hasValue(request)
  const secret = requireLiveSecret(vault, request.SecretId)
  updateSecretRow(vault, secret.arn, { description: request.Description, kmsKeyId: request.KmsKeyId })
  const version = withValue ? { VersionId: addVersion(vault, secret, request, ['AWSCURRENT']) } : {}
  return { ARN: secret.arn, Name: secret.name, ...version }
}

const updateSecretVersionStage = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.updateStageInput, input)
  const secret = requireLiveSecret(vault, request.SecretId)
  changeStage(vault, secret, request.VersionStage, request.RemoveFromVersionId, request.MoveToVersionId)
  updateSecretRow(vault, secret.arn, {})
  return { ARN: secret.arn, Name: secret.name }
}

const describeSecret = (vault: Vault, input: unknown): unknown => {
  const secret = requireSecret(vault, parse(schemas.secretInput, input).SecretId)
  return { ...describe(secret), VersionIdsToStages: versionsToStages(vault, secret.arn) }
}

const deleteSecret = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.deleteSecretInput, input)
  const force = request.ForceDeleteWithoutRecovery === true
  const days = request.RecoveryWindowInDays ?? 30
  if (force && request.RecoveryWindowInDays !== undefined)
    throw invalidParameter(
      "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    )
  if (days < 7 || days > 30)
    throw invalidParameter('The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).')
  const now = vault.clock()
  if (force) {
    // Deleting for good what is not there is success.
    const doomed = findSecret(vault, request.SecretId)
    if (doomed) eraseSecret(vault, doomed.arn)
    return {
      ARN: doomed?.arn ?? request.SecretId,
      Name: doomed?.name ?? request.SecretId,
      DeletionDate: seconds(now),
    }
  }
  const secret = requireLiveSecret(vault, request.SecretId)
  markDeleted(vault, secret.arn, now + days * dayMs)
  return { ARN: secret.arn, Name: secret.name, DeletionDate: seconds(now + days * dayMs) }
}

const restoreSecret = (vault: Vault, input: unknown): unknown => {
  const secret = requireSecret(vault, parse(schemas.secretInput, input).SecretId)
  markDeleted(vault, secret.arn, undefined)
  return { ARN: secret.arn, Name: secret.name }
}

const tagResource = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.tagInput, input)
  const secret = requireLiveSecret(vault, request.SecretId)
  updateSecretRow(vault, secret.arn, { tags: { ...secret.tags, ...tagMap(request.Tags) } })
  return {}
}

const untagResource = (vault: Vault, input: unknown): unknown => {
  const request = parse(schemas.untagInput, input)
  const secret = requireLiveSecret(vault, request.SecretId)
  const tags = Object.fromEntries(
    Object.entries(secret.tags).filter(([key]) => !request.TagKeys.includes(key)),
  )
  updateSecretRow(vault, secret.arn, { tags })
  return {}
}

const operations: ReadonlyMap<string, (vault: Vault, input: unknown) => unknown> = new Map([
  ['BatchGetSecretValue', batchGetSecretValue],
  ['CreateSecret', createSecret],
  ['DeleteSecret', deleteSecret],
  ['DescribeSecret', describeSecret],
  ['GetSecretValue', getSecretValue],
  ['ListSecrets', listSecrets],
  ['ListSecretVersionIds', listSecretVersionIds],
  ['PutSecretValue', putSecretValue],
  ['RestoreSecret', restoreSecret],
  ['TagResource', tagResource],
  ['UntagResource', untagResource],
  ['UpdateSecret', updateSecret],
  ['UpdateSecretVersionStage', updateSecretVersionStage],
])

/** Performs one Secrets Manager operation: all of it is stored, or, when it throws, nothing. */
export const performSecretOperation = (vault: Vault, name: string, input: unknown): unknown => {
  const operation = operations.get(name)
  if (!operation)
    throw new AwsJsonError('UnknownOperationException', `${name} is not offered by this emulator`)
  return inTransaction(vault.database, () => operation(vault, input))
}
