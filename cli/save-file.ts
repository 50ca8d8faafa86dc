import { createWriteStream } from 'node:fs'
import { link, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isDrivewayError } from '../client/src/errors.ts'
import type { Download } from '../client/src/node.ts'
import { CommandError, exitCodes } from './exit-codes.ts'

export interface Saving {
  readonly file: string
  /** Of the content, in letters and digits; without it nothing is left for another run to go on with. */
  readonly version: string | undefined
  /** Write over a file that exists. */
  readonly force: boolean
  readonly signal: AbortSignal
}

/**
 * Saves what `fetch` gives from a byte on, under the file's own name once it is whole. A run that was
 * interrupted leaves what it had, and the next one of the same version goes on with it. Answers the size.
 */
export async function saveFile(
  { file, version, force, signal }: Saving,
  fetch: (first: number) => Promise<Download>,
): Promise<number> {
  const stem = version === undefined ? file : `${file}.${version}`
  const part = `${stem}.${process.pid}.part`
  let isKept = false
  try {
    const left = version === undefined ? 0 : await takeOver(stem, part)
    const download = await fetch(left).catch(async (error: unknown) => {
      // All of it was there already, or more.
      if (left === 0 || !isDrivewayError(error, 'range_not_satisfiable')) throw error
      await rm(part, { force: true })
      return await fetch(0)
    })
    await pipeline(chunksOf(download), createWriteStream(part, { flags: 'a' }), { signal })
    const { size } = await stat(part)
    // A link, unlike a rename, refuses to take the place of a file that came in between.
    if (force) await rename(part, file)
    else await link(part, file)
    return size
  } catch (error) {
    isKept = version !== undefined && (signal.aborted || isDrivewayError(error, 'network_error'))
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw taken(file)
    throw error
  } finally {
    if (!isKept) await rm(part, { force: true })
  }
}

export function taken(file: string): CommandError {
  return new CommandError(
    exitCodes.conflict,
    `${file} exists. Write over it with --force, or elsewhere with --output.`,
  )
}

/** Makes what a run has left that is over this run's own; answers its bytes. Of two, one gets it. */
async function takeOver(stem: string, part: string): Promise<number> {
  const folder = dirname(stem)
  const beginning = `${basename(stem)}.`
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(beginning) && /^(\d+)\.part$/.exec(name.slice(beginning.length))?.[1]
    if (!pid || isRunning(Number(pid))) continue
    try {
      await rename(join(folder, name), part)
      return (await stat(part)).size
    } catch {
      // Another run was faster.
    }
  }
  return 0
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The bytes of a download, which is closed when they are not wanted any more. */
export async function* chunksOf(download: Download): AsyncGenerator<Uint8Array> {
  const reader = download.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}
