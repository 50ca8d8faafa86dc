import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { simulated } from './simulated.ts'

/**
 * The folder that the local stack keeps its state in. A small database in it is the stack's mark, and
 * whoever works on the folder holds the write lock of that file: the system gives it back when a process
 * ends, by whatever signal, so no mark of a dead stack ever locks anybody out.
 */
export interface StateFolder {
  readonly path: string
  /** Removes what the stack has written, and nothing else; answers what lies in the folder beside it. */
  clear(): string[]
  release(): void
}

const mark = '.driveway-stack.db'
const identityKey = 'identity-key.json'
const own: readonly string[] = ['aws', 'worker', identityKey, ...simulated.map(({ name }) => name)]
const enoughBytes = 8 * 1024 * 1024

/** Where the environment wants the state to be: `DRIVEWAY_STATE_DIR`, or `.local`. */
export function statePath(env: NodeJS.ProcessEnv): string {
  return resolve(env['DRIVEWAY_STATE_DIR'] || '.local')
}

/**
 * Makes the folder when there is none, marks it as the stack's, and takes it for a stack at `url`.
 * @throws Error with one sentence when another stack holds it, when it holds somebody else's
 * files under the names that the stack uses, or when the disk is full.
 */
export function openStateFolder(path: string, url: string): StateFolder {
  mkdirSync(path, { recursive: true })
  const entries = readdirSync(path)
  // A stack before the mark came is known by its key.
  const taken = entries.includes(identityKey) ? undefined : entries.find((name) => own.includes(name))
  if (!existsSync(join(path, mark)) && taken !== undefined) {
    throw new Error(`${join(path, taken)} is not the stack's; name another folder with DRIVEWAY_STATE_DIR`)
  }
  if (freeBytes(path) < enoughBytes) throw new Error(diskFull(path))
  return takeFolder(path, (lock) => {
    lock.exec('CREATE TABLE IF NOT EXISTS stack (id INTEGER PRIMARY KEY, url TEXT)')
    lock.prepare('REPLACE INTO stack (id, url) VALUES (1, ?)').run(url)
  })
}

/**
 * Takes a marked folder, writing nothing: a full disk is cleared too.
 * @throws Error with one sentence when it has no mark, or when a stack holds it.
 */
export function takeMarkedFolder(path: string): StateFolder {
  if (!existsSync(join(path, mark))) {
    throw new Error(`${path} has no mark of the local stack; nothing was deleted`)
  }
  return takeFolder(path, () => undefined)
}

/** What nobody refers to is collected, and its lock with it. */
const held = new Set<DatabaseSync>()

function takeFolder(path: string, write: (lock: DatabaseSync) => void): StateFolder {
  const lock = new DatabaseSync(join(path, mark))
  try {
    write(lock)
    // From here to the end nobody else writes into this file; reading the address stays possible.
    lock.exec('BEGIN IMMEDIATE')
    if (!existsSync(join(path, mark))) throw new Error(`${path} was cleared just now; try again`)
  } catch (error) {
    if (!(error instanceof Error) || !('errcode' in error) || error.errcode !== sqliteBusy) throw error
    const holder = lock.prepare('SELECT url FROM stack').get()?.['url']
    throw new Error(
      `a stack runs on ${path} at ${String(holder)}; end it first, or name another folder with DRIVEWAY_STATE_DIR`,
      { cause: error },
    )
  }
  held.add(lock)
  return {
    path,
    clear() {
      for (const name of own) rmSync(join(path, name), { recursive: true, force: true })
      const left = readdirSync(path).filter((name) => name !== mark)
      // The mark goes last, while it is still held: whoever waits for it finds it gone.
      if (left.length === 0) rmSync(path, { recursive: true })
      return left
    },
    release() {
      held.delete(lock)
      lock.close()
    },
  }
}

/** https://sqlite.org/rescode.html#busy */
const sqliteBusy = 5

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

const diskFull = (path: string): string => `the disk that holds ${path} is full: make room, then go on`

/** Calls `say` with one line each time that the disk of `path` has become full; answers how to end it. */
export function watchDisk(path: string, say: (line: string) => void, free = freeBytes): () => void {
  let full = false
  const timer = setInterval(() => {
    const before = full
    full = free(path) < enoughBytes
    if (full && !before) say(diskFull(path))
  }, 1_000)
  return () => clearInterval(timer)
}
