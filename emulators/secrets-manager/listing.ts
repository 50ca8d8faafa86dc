import { AwsJsonError } from '../json-protocol.ts'
import { invalidParameter, invalidRequest } from './errors.ts'
import {
  batchGetInput,
  getValueInput,
  listSecretsInput,
  listVersionsInput,
  parse,
  type Filters,
} from './schemas.ts'
import { allSecrets, requireLiveSecret, requireSecret, type Secret, type Vault } from './secret-store.ts'
import { selectVersion, stagesOf, stagesOfVersion, versionsOf } from './versions.ts'

/** Times go out as seconds since 1970. */
export const seconds = (milliseconds: number): number => milliseconds / 1000

/** Version ids with their labels; unlabelled versions do not show. */
export const versionsToStages = (vault: Vault, arn: string): Record<string, string[]> => {
  const result: Record<string, string[]> = {}
  for (const [stage, id] of stagesOf(vault, arn)) (result[id] ??= []).push(stage)
  return result
}

/** A secret as ListSecrets and DescribeSecret show it. */
export const describe = (secret: Secret): Record<string, unknown> => ({
  ARN: secret.arn,
  Name: secret.name,
  ...(secret.description === '' ? {} : { Description: secret.description }),
  ...(secret.kmsKeyId === '' ? {} : { KmsKeyId: secret.kmsKeyId }),
  CreatedDate: seconds(secret.createdAt),
  LastChangedDate: seconds(secret.changedAt),
  ...(secret.deletedAt === undefined ? {} : { DeletedDate: seconds(secret.deletedAt) }),
  Tags: Object.entries(secret.tags).map(([Key, Value]) => ({ Key, Value })),
})

const fieldsOf = (secret: Secret, key: string): readonly string[] => {
  const byKey: Readonly<Record<string, readonly string[]>> = {
    name: [secret.name],
    description: [secret.description],
    'tag-key': Object.keys(secret.tags),
    'tag-value': Object.values(secret.tags),
  }
  const fields = key === 'all' ? Object.values(byKey).flat() : byKey[key]
  if (!fields) throw invalidParameter(`The filter key ${key} is not supported.`)
  return fields
}

/**
 * A filter value is a prefix; `!` before it turns it round. Filters are joined by and, their values by or.
 */
const matches = (secret: Secret, filters: Filters): boolean =>
  (filters ?? []).every(({ Key: key, Values: values }) =>
    values.some((value) => {
      const wanted = value.replace(/^!/, '')
      const found = fieldsOf(secret, key).some((field) => field.startsWith(wanted))
      return value.startsWith('!') ? !found : found
    }),
  )

interface Page<Row> {
  readonly rows: readonly Row[]
  readonly next: { readonly NextToken?: string }
}

const pageOf = <Row>(
  all: readonly Row[],
  idOf: (row: Row) => string,
  max: number,
  token: string | undefined,
): Page<Row> => {
  const after = token === undefined ? undefined : Buffer.from(token, 'base64url').toString('utf8')
  const start = after === undefined ? 0 : all.findIndex((row) => idOf(row) === after) + 1
  if (after !== undefined && start === 0)
    throw new AwsJsonError('InvalidNextTokenException', 'The NextToken value is invalid.')
  const rows = all.slice(start, start + max)
  const last = rows.at(-1)
  const more = last !== undefined && start + max < all.length
  return { rows, next: more ? { NextToken: Buffer.from(idOf(last)).toString('base64url') } : {} }
}

const nameOf = ({ name }: Secret): string => name

export const listSecrets = (vault: Vault, input: unknown): unknown => {
  const request = parse(listSecretsInput, input)
  const found = allSecrets(vault)
    .filter((secret) => request.IncludePlannedDeletion === true || secret.deletedAt === undefined)
    .filter((secret) => matches(secret, request.Filters))
  if (request.SortOrder === 'desc') found.reverse()
  const { rows: secrets, next } = pageOf(found, nameOf, request.MaxResults ?? 100, request.NextToken)
  return {
    SecretList: secrets.map((secret) => ({
      ...describe(secret),
      SecretVersionsToStages: versionsToStages(vault, secret.arn),
    })),
    ...next,
  }
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html */
export const listSecretVersionIds = (vault: Vault, input: unknown): unknown => {
  const request = parse(listVersionsInput, input)
  const secret = requireSecret(vault, request.SecretId)
  const all = versionsOf(vault, secret.arn).map(({ id, createdAt }) => {
    const stages = stagesOfVersion(vault, secret.arn, id)
    // A version without a label counts as deprecated: it is read by its id, until there are too many.
    return {
      VersionId: id,
      CreatedDate: seconds(createdAt),
      ...(stages.length > 0 ? { VersionStages: stages } : {}),
    }
  })
  const shown = all.filter((version) => request.IncludeDeprecated === true || 'VersionStages' in version)
  const { rows, next } = pageOf(
    shown,
    ({ VersionId }) => VersionId,
    request.MaxResults ?? 100,
    request.NextToken,
  )
  return { ARN: secret.arn, Name: secret.name, Versions: rows, ...next }
}

/** GetSecretValue; also the entries of BatchGetSecretValue. */
export const getSecretValue = (vault: Vault, input: unknown): Record<string, unknown> => {
  const request = parse(getValueInput, input)
  const secret = requireLiveSecret(vault, request.SecretId)
  const version = selectVersion(vault, secret, request.VersionId, request.VersionStage)
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.id,
    VersionStages: stagesOfVersion(vault, secret.arn, version.id),
    CreatedDate: seconds(version.createdAt),
    ...(version.isBinary
      ? { SecretBinary: version.value.toString('base64') }
      : { SecretString: version.value.toString('utf8') }),
  }
}

export const batchGetSecretValue = (vault: Vault, input: unknown): unknown => {
  const request = parse(batchGetInput, input)
  if ((request.SecretIdList === undefined) === (request.Filters === undefined))
    throw invalidRequest('Either SecretIdList or Filters must be given, but not both.')
  const live = allSecrets(vault).filter(
    (secret) => secret.deletedAt === undefined && matches(secret, request.Filters),
  )
  const page = pageOf(live, nameOf, Math.min(request.MaxResults ?? 20, 20), request.NextToken)
  const ids = request.SecretIdList ?? page.rows.map((secret) => secret.arn)
  const SecretValues: unknown[] = []
  const Errors: unknown[] = []
  for (const id of ids) {
    try {
      SecretValues.push(getSecretValue(vault, { SecretId: id }))
    } catch (error) {
      if (!(error instanceof AwsJsonError)) throw error
      Errors.push({ SecretId: id, ErrorCode: error.code, Message: error.message })
    }
  }
  return { SecretValues, Errors, ...(request.SecretIdList === undefined ? page.next : {}) }
}
