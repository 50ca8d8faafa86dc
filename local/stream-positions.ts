import { openDatabase } from '../emulators/database.ts'

/** Up to where each shard of each stream was read. */
export interface StreamPositions {
  of(streamArn: string, shardId: string): string | undefined
  keep(streamArn: string, shardId: string, sequence: string): void
  close(): void
}

const schema =
  'CREATE TABLE IF NOT EXISTS positions (stream TEXT, shard TEXT, sequence TEXT NOT NULL, PRIMARY KEY (stream, shard))'

/** Positions on disk: they survive a killed process. */
export const openStreamPositions = (directory: string): StreamPositions => {
  const database = openDatabase(directory, 'stream-positions.db', schema)
  const read = database.prepare('SELECT sequence FROM positions WHERE stream = ? AND shard = ?')
  const write = database.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?, ?)')
  return {
    of(streamArn, shardId) {
      const row = read.get(streamArn, shardId)
      return row === undefined ? undefined : String(row['sequence'])
    },
    keep: (streamArn, shardId, sequence) => void write.run(streamArn, shardId, sequence),
    close: () => database.close(),
  }
}
