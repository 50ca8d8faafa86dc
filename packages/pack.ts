import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { recipes } from './recipes.ts'
import type { Published } from './scope.ts'
import { packageName, published } from './scope.ts'

const root = join(import.meta.dirname, '..')

type Manifest = Readonly<Record<string, unknown>>

const read = (file: string): Manifest => JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest

/** What a clone needs of a workspace's manifest, and nobody who installs the package. */
const ofTheClone = { private: undefined, scripts: undefined, devDependencies: undefined }

function manifestOf(name: Published): Manifest {
  const workspace = existsSync(join(root, name, 'package.json')) ? read(`${name}/package.json`) : {}
  const { version, license, engines } = read('package.json')
  return {
    name: packageName(name),
    version,
    license,
    type: 'module',
    engines,
    ...workspace,
    ...ofTheClone,
    ...recipes[name].manifest,
  }
}

/**
 * Makes a package as it is published.
 * @param into its folder is made there, under its name, and its tarball beside that
 * @returns the tarball
 */
export async function pack(name: Published, into: string): Promise<string> {
  const folder = join(into, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await recipes[name].make(folder)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifestOf(name), undefined, 2)}\n`)
  const page = name === 'client' ? 'client/README.md' : `packages/${name}.md`
  cpSync(join(root, page), join(folder, 'README.md'))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const said = execFileSync('npm', ['pack', '--json', '--pack-destination', into], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const [{ filename }] = JSON.parse(said) as [{ filename: string }]
  return join(into, filename)
}

// `npm run pack`: all of them, or those that are named.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const wanted = published.filter((name) => process.argv.length < 3 || process.argv.includes(name))
  for (const name of wanted) console.log(await pack(name, join(root, 'dist/packages')))
}
