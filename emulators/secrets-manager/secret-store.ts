import { accountId, region } from '../account.ts'
import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import { openDatabase } from '../database.ts'
import { openCipher, type Cipher } from './cipher.ts'
import { invalidRequest, secretNotFound } from './errors.ts'

/** A secret without its values. Times in milliseconds since 1970. */
export interface Secret {
  readonly name: string
  readonly arn: string
  readonly description: string
  readonly kmsKeyId: string
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: number
  readonly changedAt: number
  /** When it was marked for deletion, and when it goes. */
  readonly deletedAt: number | undefined
  readonly goesAt: number | undefined
}

/** What every operation works with. */
export interface Vault {
  readonly database: DatabaseSync
  readonly cipher: Cipher
  readonly clock: Clock
}

const schema = `
CREATE TABLE IF NOT EXISTS secrets (
  name TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, description TEXT NOT NULL, kms_key_id TEXT NOT NULL, tags TEXT NOT NULL,
  created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, deleted_at INTEGER, goes_at INTEGER);
CREATE INDEX IF NOT EXISTS secrets_by_end ON secrets (goes_at);
CREATE TABLE IF NOT EXISTS versions (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL, version_id TEXT NOT NULL, is_binary INTEGER NOT NULL,
  sealed BLOB NOT NULL, created_at INTEGER NOT NULL, UNIQUE (arn, version_id));
CREATE TABLE IF NOT EXISTS stages (
  arn TEXT NOT NULL, stage TEXT NOT NULL, version_id TEXT NOT NULL, PRIMARY KEY (arn, stage)) WITHOUT ROWID;
`

const secretRow = z.object({
  name: z.string(),
  arn: z.string(),
  description: z.string(),
  kms_key_id: z.string(),
  tags: z.string(),
  created_at: z.number(),
  changed_at: z.number(),
  deleted_at: z.nullable(z.number()),
  goes_at: z.nullable(z.number()),
})

const toSecret = (input: unknown): Secret => {
  const row = secretRow.parse(input)
  return {
    name: row.name,
    arn: row.arn,
    description: row.description,
    kmsKeyId: row.kms_key_id,
    tags: z.record(z.string(), z.string()).parse(JSON.parse(row.tags)),
    createdAt: row.created_at,
    changedAt: row.changed_at,
    deletedAt: row.deleted_at ?? undefined,
    goesAt: row.goes_at ?? undefined,
  }
}

/** Opens the vault in `directory`: rows in a database, values sealed with the key file beside it. */
export const openVault = (directory: string, clock: Clock): Vault => ({
  database: openDatabase(directory, 'secrets.db', schema),
  cipher: openCipher(directory),
  clock,
})

/** Removes what a secret consists of, for good. */
export const eraseSecret = ({ database }: Vault, arn: string): void => {
  for (const table of ['stages', 'versions', 'secrets'])
    database.prepare(`DELETE FROM ${table} WHERE arn = ?`).run(arn)
}

/** Removes the secrets whose recovery window is over. */
const eraseExpired = (vault: Vault): void => {
  const rows = vault.database.prepare('SELECT arn FROM secrets WHERE goes_at <= ?').all(vault.clock())
  for (const row of rows) eraseSecret(vault, String(row['arn']))
}

/** A secret by name, ARN, or ARN without its random ending. */
export const findSecret = (vault: Vault, id: string): Secret | undefined => {
  eraseExpired(vault)
  // Names hold no colon, so an id is either a name or (the beginning of) an ARN; both have an index.
  const row = id.startsWith('arn:')
    ? vault.database
        .prepare(
          "SELECT * FROM secrets WHERE arn >= ?1 AND arn < ?1 || '.' AND (arn = ?1 OR length(arn) = length(?1) + 7)",
        )
        .get(id)
    : vault.database.prepare('SELECT * FROM secrets WHERE name = ?').get(id)
  return row === undefined ? undefined : toSecret(row)
}

/** @throws AwsJsonError `ResourceNotFoundException`. */
export const requireSecret = (vault: Vault, id: string): Secret => {
  const secret = findSecret(vault, id)
  if (!secret) throw secretNotFound()
  return secret
}

/**
 * As `requireSecret`, but not one that is marked for deletion.
 * @throws AwsJsonError `InvalidRequestException`.
 */
export const requireLiveSecret = (vault: Vault, id: string): Secret => {
  const secret = requireSecret(vault, id)
  if (secret.deletedAt !== undefined)
    throw invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
  return secret
}

/** All secrets by name. */
export const allSecrets = (vault: Vault): Secret[] => {
  eraseExpired(vault)
  return vault.database.prepare('SELECT * FROM secrets ORDER BY name').all().map(toSecret)
}

/** Stores a new secret without a value. */
export const insertSecret = (
  vault: Vault,
  secret: { name: string; description: string; kmsKeyId: string; tags: Readonly<Record<string, string>> },
): Secret => {
  const ending = randomBytes(8)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, 'x')
    .slice(0, 6)
  const arn = `arn:aws:secretsmanager:${region}:${accountId}:secret:${secret.name}-${ending}`
  const now = vault.clock()
  vault.database
    .prepare('INSERT INTO secrets VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)')
    .run(secret.name, arn, secret.description, secret.kmsKeyId, JSON.stringify(secret.tags), now, now)
  return { ...secret, arn, createdAt: now, changedAt: now, deletedAt: undefined, goesAt: undefined }
}

/** Changes what is given, and the time of change. */
export const updateSecretRow = (
  vault: Vault,
  arn: string,
  change: {
    description?: string | undefined
    kmsKeyId?: string | undefined
    tags?: Readonly<Record<string, string>>
  },
): void => {
  vault.database
    .prepare(
      `UPDATE secrets SET description = coalesce(?, description), kms_key_id = coalesce(?, kms_key_id),
       tags = coalesce(?, tags), changed_at = ? WHERE arn = ?`,
    )
    .run(
      change.description ?? null,
      change.kmsKeyId ?? null,
      change.tags === undefined ? null : JSON.stringify(change.tags),
      vault.clock(),
      arn,
    )
}

/** Marks a secret for deletion at `goesAt`, or, with undefined, takes the mark away. */
export const markDeleted = (vault: Vault, arn: string, goesAt: number | undefined): void => {
  vault.database
    .prepare('UPDATE secrets SET deleted_at = ?, goes_at = ? WHERE arn = ?')
    .run(goesAt === undefined ? null : vault.clock(), goesAt ?? null, arn)
}
