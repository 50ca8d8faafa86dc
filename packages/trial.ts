import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageName } from './scope.ts'
import type { Published } from './scope.ts'

const root = join(import.meta.dirname, '..')

/** The program that a package's page begins with: what somebody would copy first. */
export function firstProgram(name: Published): string {
  const [, program] = /```js\n([^]*?)```/.exec(readFileSync(join(root, `packages/${name}.md`), 'utf8')) ?? []
  if (program === undefined) throw new Error(`packages/${name}.md has no program.`)
  return program
}

/**
 * Puts a tarball where npm would, without asking a registry.
 * @param linked packages that it asks for, as they are installed here
 */
export function unpack(name: Published, tarball: string, into: string, linked: readonly string[] = []): void {
  const place = join(into, 'node_modules', packageName(name))
  mkdirSync(dirname(place), { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', into])
  renameSync(join(into, 'package'), place)
  for (const other of linked) {
    const at = join(into, 'node_modules', other)
    mkdirSync(dirname(at), { recursive: true })
    symlinkSync(join(root, 'node_modules', other), at)
  }
}
