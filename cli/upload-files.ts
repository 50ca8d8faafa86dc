import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UsageError } from './exit-codes.ts'

export interface FileToUpload {
  /** Where it is. */
  readonly path: string
  /** What it is called: the given folder's own name and the way below it, with `/`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
}

export interface Gathered {
  readonly files: readonly FileToUpload[]
  /** Files whose name begins with a dot are left out of folders. */
  readonly hidden: number
}

/** Every file that `paths` mean, folders with all below them, in a stable order. */
export async function gatherFiles(paths: readonly string[]): Promise<Gathered> {
  const files: FileToUpload[] = []
  let hidden = 0
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) throw new UsageError(`There is no file ${path}.`)
    if (!found.isDirectory()) {
      files.push({ path, name: basename(path), size: found.size })
      continue
    }
    const root = resolve(path)
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const inside = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    for (const file of inside.toSorted()) {
      const below = file.slice(root.length + 1).split(sep)
      if (below.some((part) => part.startsWith('.'))) hidden += 1
      else
        files.push({ path: file, name: [basename(root), ...below].join('/'), size: (await stat(file)).size })
    }
  }
  return { files, hidden }
}

/**
 * Standard input as a file: an upload begins with its size, so the bytes are set down
 * first, readable by this user only. `use` is given the path; the file is gone afterwards.
 */
export async function withStandardInput<T>(
  signal: AbortSignal,
  use: (path: string, size: number) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-'))
  try {
    const path = join(folder, 'stdin')
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }), { signal })
    return await use(path, (await stat(path)).size)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
