import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../database.ts'

const schema = `
CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, settings TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
  attributes TEXT NOT NULL, sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0,
  first_received_at INTEGER NOT NULL DEFAULT 0, receipt TEXT, dead_letter_source TEXT, group_id TEXT);
CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue, sequence);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_at);
CREATE INDEX IF NOT EXISTS messages_by_receipt ON messages (receipt);
CREATE TABLE IF NOT EXISTS move_tasks (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, source_arn TEXT NOT NULL, destination_arn TEXT, moved INTEGER NOT NULL,
  started_at INTEGER NOT NULL);
`

/** Opens (and creates) the database of queues and messages. */
export const openQueueDatabase = (directory: string): DatabaseSync => {
  const database = openDatabase(directory, 'sqs.db', schema)
  // A state folder of an earlier version has messages without a group.
  const columns = database.prepare('PRAGMA table_info(messages)').all()
  if (!columns.some(({ name }) => name === 'group_id'))
    database.exec('ALTER TABLE messages ADD COLUMN group_id TEXT')
  return database
}
