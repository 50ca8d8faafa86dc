import { randomUUID } from 'node:crypto'
import { invalidParameter, limitExceeded, resourceExists, versionNotFound } from './errors.ts'
import type { SecretValue } from './schemas.ts'
import type { Secret, Vault } from './secret-store.ts'

/** One version of a value. */
export interface Version {
  readonly id: string
  readonly isBinary: boolean
  readonly value: Buffer
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

const current = 'AWSCURRENT'
const previous = 'AWSPREVIOUS'
const keptUnlabelled = 100
const youngMs = 24 * 60 * 60 * 1000
const maxStages = 20

type ValueInput = Pick<SecretValue, 'SecretString' | 'SecretBinary'>

/**
 * Whether the request carries a value. @throws AwsJsonError `InvalidParameterException` when it carries two.
 */
export const hasValue = (input: ValueInput): boolean => {
  if (input.SecretString !== undefined && input.SecretBinary !== undefined)
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    )
  return input.SecretString !== undefined || input.SecretBinary !== undefined
}

const plainOf = (input: ValueInput): Buffer =>
  input.SecretString === undefined
    ? Buffer.from(input.SecretBinary ?? '', 'base64')
    : Buffer.from(input.SecretString)

/** The stages of a secret: label to version. */
export const stagesOf = ({ database }: Vault, arn: string): Map<string, string> => {
  const rows = database.prepare('SELECT stage, version_id FROM stages WHERE arn = ?').all(arn)
  return new Map(rows.map((row) => [String(row['stage']), String(row['version_id'])]))
}

/** The labels of one version. */
export const stagesOfVersion = (vault: Vault, arn: string, versionId: string): string[] =>
  [...stagesOf(vault, arn)].filter(([, id]) => id === versionId).map(([stage]) => stage)

const readVersion = (vault: Vault, arn: string, versionId: string): Version | undefined => {
  const row = vault.database
    .prepare('SELECT * FROM versions WHERE arn = ? AND version_id = ?')
    .get(arn, versionId)
  const sealed = row?.['sealed']
  if (!row || !(sealed instanceof Uint8Array)) return undefined
  return {
    id: versionId,
    isBinary: row['is_binary'] === 1,
    value: vault.cipher.open(Buffer.from(sealed), `${arn}|${versionId}`),
    createdAt: Number(row['created_at']),
  }
}

const attach = (vault: Vault, arn: string, stage: string, versionId: string): void => {
  vault.database.prepare('INSERT OR REPLACE INTO stages VALUES (?, ?, ?)').run(arn, stage, versionId)
}

const detach = (vault: Vault, arn: string, stage: string): void => {
  vault.database.prepare('DELETE FROM stages WHERE arn = ? AND stage = ?').run(arn, stage)
}

/** Moves a label to a version; moving AWSCURRENT leaves AWSPREVIOUS where it was. */
const moveStage = (vault: Vault, arn: string, stage: string, versionId: string): void => {
  const holder = stagesOf(vault, arn).get(stage)
  if (holder === versionId) return
  if (stage === current && holder !== undefined) attach(vault, arn, previous, holder)
  if (stage === current && stagesOf(vault, arn).get(previous) === versionId) detach(vault, arn, previous)
  attach(vault, arn, stage, versionId)
  if (stagesOf(vault, arn).size > maxStages)
    throw limitExceeded('A secret can have at most 20 staging labels.')
}

/**
 * Versions without a label beyond the newest hundred are dropped, but none
 * younger than a day: writing a secret too often fails, as it does in AWS.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 */
const prune = (vault: Vault, arn: string): void => {
  const surplus = vault.database
    .prepare(
      `SELECT sequence, created_at FROM versions WHERE arn = ?1 AND version_id NOT IN
       (SELECT version_id FROM stages WHERE arn = ?1) ORDER BY sequence DESC LIMIT -1 OFFSET ?2`,
    )
    .all(arn, keptUnlabelled)
  for (const row of surplus) {
    if (Number(row['created_at']) > vault.clock() - youngMs)
      throw limitExceeded(
        "You've exceeded the limit of versions for a secret that were created in the last 24 hours.",
      )
    vault.database.prepare('DELETE FROM versions WHERE sequence = ?').run(row['sequence'] ?? null)
  }
}

/**
 * Adds a version, or recognises the same request by its token. To be called in a transaction.
 * @returns the version's id. @throws AwsJsonError
 * `ResourceExistsException` for a known token with another value.
 */
export const addVersion = (
  vault: Vault,
  secret: Secret,
  input: ValueInput & { ClientRequestToken?: string | undefined },
  stages: readonly string[],
): string => {
  const id = input.ClientRequestToken ?? randomUUID()
  const value = plainOf(input)
  const isBinary = input.SecretBinary !== undefined
  const existing = readVersion(vault, secret.arn, id)
  if (existing) {
    if (existing.isBinary === isBinary && existing.value.equals(value)) return id
    throw resourceExists(
      `You can't modify an existing version, you can only create a new version. Version: ${id}`,
    )
  }
  vault.database
    .prepare('INSERT INTO versions (arn, version_id, is_binary, sealed, created_at) VALUES (?, ?, ?, ?, ?)')
    .run(secret.arn, id, isBinary ? 1 : 0, vault.cipher.seal(value, `${secret.arn}|${id}`), vault.clock())
  // The first value is always the current one.
  const wanted = stagesOf(vault, secret.arn).has(current) ? stages : new Set([current, ...stages])
  for (const stage of wanted) moveStage(vault, secret.arn, stage, id)
  prune(vault, secret.arn)
  return id
}

/** Ids and times of all versions, the oldest first. */
export const versionsOf = ({ database }: Vault, arn: string): Pick<Version, 'id' | 'createdAt'>[] =>
  database
    .prepare('SELECT version_id, created_at FROM versions WHERE arn = ? ORDER BY sequence')
    .all(arn)
    .map((row) => ({ id: String(row['version_id']), createdAt: Number(row['created_at']) }))

/** The version that a label, an id, or both name; AWSCURRENT when neither is given. */
export const selectVersion = (
  vault: Vault,
  secret: Secret,
  versionId: string | undefined,
  stage: string | undefined,
): Version => {
  const label = stage ?? (versionId === undefined ? current : undefined)
  const labelled = label === undefined ? versionId : stagesOf(vault, secret.arn).get(label)
  if (labelled === undefined) throw versionNotFound(`staging label: ${label ?? ''}`)
  if (versionId !== undefined && labelled !== versionId)
    throw versionNotFound(`VersionId: ${versionId} with staging label: ${label ?? ''}`)
  const version = readVersion(vault, secret.arn, labelled)
  if (!version) throw versionNotFound(`VersionId: ${labelled}`)
  return version
}

/**
 * Moves or removes a label. The caller must say where it is now, which makes this a compare-and-set.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export const changeStage = (
  vault: Vault,
  secret: Secret,
  stage: string,
  removeFrom: string | undefined,
  moveTo: string | undefined,
): void => {
  const holder = stagesOf(vault, secret.arn).get(stage)
  for (const id of [removeFrom, moveTo])
    if (id !== undefined && !readVersion(vault, secret.arn, id)) throw versionNotFound(`VersionId: ${id}`)
  if (removeFrom !== undefined && holder !== removeFrom)
    throw invalidParameter(`The staging label ${stage} isn't attached to version ${removeFrom}.`)
  if (removeFrom === undefined && holder !== undefined && holder !== moveTo)
    throw invalidParameter(
      `The staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
    )
  if (moveTo === undefined) {
    if (removeFrom === undefined || stage === current)
      throw invalidParameter(
        `You can only move staging label ${stage} to a different version. It can't be removed.`,
      )
    detach(vault, secret.arn, stage)
    return
  }
  moveStage(vault, secret.arn, stage, moveTo)
}
