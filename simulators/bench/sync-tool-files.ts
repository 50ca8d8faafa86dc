import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

const MIB = 1024 * 1024
/** Of two fragments for OneDrive, of twelve for Drive. */
export const CHUNKED = 12 * MIB
const LARGE = 150 * MIB

const NAMED = [
  'with spaces/two  spaces.txt',
  'Grüße aus Köln/Übergröße – ñ 漢字.txt',
  `quotes/it's.txt`,
  'quotes/say "hello" & go.txt',
  'signs/100% #1 + [x] {y} =.txt',
]

/**
 * Writes the files that the journey begins with: nothing, a line,
 * names of all kinds, 12 and 150 MiB at random.
 */
export async function writeFiles(directory: string): Promise<void> {
  await put(join(directory, 'empty.bin'), '')
  await put(join(directory, 'small.txt'), 'one line\n')
  for (const name of NAMED) await put(join(directory, name), `${name}\n`)
  await writeRandom(join(directory, 'chunked.bin'), CHUNKED)
  await writeRandom(join(directory, 'large.bin'), LARGE)
}

/** Writes 200 small files in 10 folders, one of them with more than a page of Drive's shortest (100). */
export async function writeTree(directory: string): Promise<void> {
  for (let index = 0; index < 200; index += 1)
    await put(treeFile(directory, index), randomBytes(1 + index * 37))
}

/** Changes 10 of the tree's files, deletes 10 and adds 10. */
export async function changeTree(directory: string): Promise<void> {
  for (let index = 0; index < 10; index += 1) {
    await put(treeFile(directory, index), `changed ${String(index)}`)
    await rm(treeFile(directory, 50 + index))
    await put(treeFile(directory, 200 + index), randomBytes(100))
  }
}

function treeFile(directory: string, index: number): string {
  return join(
    directory,
    `folder ${String(index < 130 ? 0 : index % 10)}`,
    `file-${String(index).padStart(3, '0')}.bin`,
  )
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

/** Fills a file with that many random bytes. */
export async function writeRandom(path: string, size: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'w')
  for (let left = size; left > 0; left -= MIB) await file.write(randomBytes(Math.min(left, MIB)))
  await file.close()
}

/** SHA-256 in hex by path below the directory, with `/` between names. */
export async function hashTree(directory: string): Promise<Map<string, string>> {
  const hashes = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    hashes.set(relative(directory, path).split(sep).join('/'), hash.digest('hex'))
  }
  return hashes
}
