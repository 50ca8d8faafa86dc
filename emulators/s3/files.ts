import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The files that hold object bytes. A file is written once under a fresh name
 * and never changed, so that a reader is never disturbed by a replacement; it
 * is removed when nothing names it and nobody reads it any more.
 */
export class FileStore {
  readonly #directory: string
  readonly #readers = new Map<string, number>()
  readonly #doomed = new Set<string>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Removes what a killed process left unfinished: every file that `isReferenced` does not know. */
  async open(isReferenced: (file: string) => boolean): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const shard of await readdir(this.#directory)) {
      for (const name of await readdir(join(this.#directory, shard))) {
        if (!isReferenced(`${shard}/${name}`)) await unlink(join(this.#directory, shard, name))
      }
    }
  }

  path(file: string): string {
    return join(this.#directory, file)
  }

  /** A fresh name whose directory exists; nothing is there yet. */
  async create(): Promise<string> {
    const id = randomUUID()
    await mkdir(join(this.#directory, id.slice(0, 2)), { recursive: true, mode: 0o700 })
    return `${id.slice(0, 2)}/${id}`
  }

  /** A second name for the same bytes: a link where the file system can, else a copy. */
  async duplicate(file: string): Promise<string> {
    const name = await this.create()
    await link(this.path(file), this.path(name)).catch(() => copyFile(this.path(file), this.path(name)))
    return name
  }

  /** Keeps `files` on disk until the returned function is called. */
  hold(files: readonly string[]): () => Promise<void> {
    for (const file of files) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1)
    let released = false
    return async () => {
      if (released) return
      released = true
      for (const file of files) {
        const left = (this.#readers.get(file) ?? 1) - 1
        if (left > 0) this.#readers.set(file, left)
        else this.#readers.delete(file)
      }
      await this.remove(files.filter((file) => this.#doomed.has(file)))
    }
  }

  /** Removes files, now or once their last reader is done. Missing ones are no error. */
  async remove(files: readonly string[]): Promise<void> {
    for (const file of files) {
      if (this.#readers.has(file)) {
        this.#doomed.add(file)
        continue
      }
      this.#doomed.delete(file)
      await unlink(this.path(file)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
    }
  }
}
