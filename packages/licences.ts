import { copyFileSync, globSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** The package that a file belongs to, as a path from the project's root. */
const packageOf = (input: string): string | undefined =>
  /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]

/**
 * Copies the licences of what was bundled into `licences`: they ask to go wherever the code goes.
 * @param inputs paths of the bundled files, from the project's root
 */
export function copyLicences(inputs: readonly string[], folder: string): void {
  const packages = new Set(inputs.flatMap((input) => packageOf(input) ?? []))
  mkdirSync(join(folder, 'licences'), { recursive: true })
  for (const path of packages) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const [licence] = globSync('{LICENSE,LICENCE,license,License,LICENSE-MIT}{,.md,.txt}', {
      cwd: join(root, path),
    })
    if (licence !== undefined)
      copyFileSync(join(root, path, licence), join(folder, 'licences', `${name.replace('/', '-')}.txt`))
  }
}
