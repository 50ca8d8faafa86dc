import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Package {
  readonly version?: string
  readonly link?: boolean
  /** Part of the package that it lies in. */
  readonly inBundle?: boolean
  readonly integrity?: string
  readonly deprecated?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))
const manifest = read('package.json') as { workspaces: string[]; allowScripts: Record<string, boolean> }
const lock = (read('package-lock.json') as { packages: Record<string, Package> }).packages
const installed = Object.entries(lock).filter(([path]) => path.includes('node_modules/'))
const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
const which = (wanted: (entry: Package) => boolean): string[] =>
  installed.filter(([, entry]) => wanted(entry)).map(([path]) => nameOf(path))

describe('what is installed', () => {
  it('runs an install script only where one is needed', () => {
    expect(which((entry) => entry.hasInstallScript === true).toSorted()).toEqual(
      Object.keys(manifest.allowScripts).toSorted(),
    )
  })

  it('is nothing that its author has given up', () => {
    expect(which((entry) => entry.deprecated !== undefined)).toEqual([])
  })

  it('has a hash for everything that comes from elsewhere', () => {
    expect(which((entry) => !entry.link && !entry.inBundle && entry.integrity === undefined)).toEqual([])
  })

  it('is wanted in one exact version by all of the workspaces', () => {
    const wanted = ['', ...manifest.workspaces].flatMap((place) =>
      Object.entries({ ...lock[place]?.dependencies, ...lock[place]?.devDependencies }),
    )
    expect(wanted.length).toBeGreaterThan(40)
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
    const versions = Map.groupBy(wanted, ([name]) => name)
    expect([...versions].filter(([, all]) => new Set(all.map(([, version]) => version)).size > 1)).toEqual([])
  })

  it('has one version for the project and its workspaces', () => {
    const places = ['', ...manifest.workspaces]
    expect(new Set(places.map((place) => lock[place]?.version)).size).toBe(1)
  })
})
