import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { scope } from '../../packages/scope.ts'

const here = new URL('../../', import.meta.url).pathname
const notCopied = /^(node_modules|\.git|dist|cdk\.out|\.local|coverage)$/

/** A copy of this repository with providers added as anybody would: a folder each, and its two lines. */
export interface Tree {
  readonly root: string
  /** Runs a program of the copy on this Node and answers what it printed; rejects with it when it fails. */
  run(file: string, ...words: readonly string[]): Promise<string>
  /** The files that are other than here, or only there. */
  changed(): Promise<string[]>
  dispose(): Promise<void>
}

/** `folders` hold what a provider's folder does: `about.ts`, `provider.ts` and what these import. */
export async function treeWith(...folders: readonly URL[]): Promise<Tree> {
  const root = await mkdtemp(join(tmpdir(), 'driveway-tree-'))
  await cp(here, root, {
    recursive: true,
    filter: (source) => !notCopied.test(relative(here, source)) && basename(source) !== 'node_modules',
  })
  await linkModules(root)
  for (const folder of folders) await addProvider(root, folder.pathname)
  return {
    root,
    async run(file, ...words) {
      const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 }
      const { stdout } = await promisify(execFile)(process.execPath, [file, ...words], options).catch(
        (error: { stdout: string; stderr: string }) => {
          throw new Error(`${file} failed in ${root}:\n${error.stdout}${error.stderr}`)
        },
      )
      return stdout
    },
    changed: () => changedIn(root),
    dispose: () => rm(root, { recursive: true, force: true }),
  }
}

/** Packages are those of here; the workspaces are the copy's own. */
async function linkModules(root: string): Promise<void> {
  const modules = join(root, 'node_modules')
  await mkdir(join(modules, scope), { recursive: true })
  const packages = (await readdir(join(here, 'node_modules'))).filter(
    (name) => name !== scope && name !== '.cache',
  )
  const workspaces = await readdir(join(here, 'node_modules', scope))
  await Promise.all([
    ...packages.map((name) => symlink(join(here, 'node_modules', name), join(modules, name))),
    ...workspaces.map((name) => symlink(join('../..', name), join(modules, scope, name))),
  ])
}

async function addProvider(root: string, folder: string): Promise<void> {
  const id = basename(folder)
  const name = id.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const providers = join(root, 'lib/providers')
  await cp(folder, join(providers, id), { recursive: true })
  await insert(join(providers, 'registry.ts'), [
    [/(?=\n\/\*\* Every provider)/, `import { about as ${name} } from './${id}/about.ts'\n`],
    [/(?=\} as const satisfies)/, `  '${id}': ${name},\n`],
  ])
  await insert(join(providers, 'load.ts'), [
    [/(?=\}\n$)/, `  '${id}': async () => (await import('./${id}/provider.ts')).provider,\n`],
  ])
}

async function insert(file: string, lines: readonly (readonly [RegExp, string])[]): Promise<void> {
  let text = await readFile(file, 'utf8')
  for (const [place, line] of lines) {
    if (!place.test(text)) throw new Error(`${file} has no place for ${line}`)
    text = text.replace(place, () => line)
  }
  await writeFile(file, text)
}

async function changedIn(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true })
  const files = found
    .filter(
      (entry) => entry.isFile() && !/(^|\/)(node_modules|dist)(\/|$)/.test(relative(root, entry.parentPath)),
    )
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  const same = await Promise.all(
    files.map(async (file) => {
      const [there, ours] = await Promise.all(
        [root, here].map((folder) => readFile(join(folder, file)).catch(() => undefined)),
      )
      return ours !== undefined && there?.equals(ours) === true
    }),
  )
  return files.filter((_, index) => !same[index]).toSorted()
}
