import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'

/**
 * What is known of the providers lies in their folders, so that a provider is one folder, but stands at the
 * ground: it imports nothing that runs, and everybody reads it. The rule counts it as a place of its own.
 */
const facts = /^lib\/providers\/(registry\.ts|([^/]+\/)?about\.ts)$/

/** Which tier a module of `lib` stands on; imports only point down, or stay within their own folder. */
const tiers: readonly (readonly string[])[] = [
  ['lib/errors.ts', 'lib/ids.ts', 'lib/secret.ts', 'lib/clock.ts'],
  ['facts'],
  ['lib/contract/'],
  ['lib/telemetry/'],
  ['lib/net/', 'lib/queue/'],
  ['lib/aws/'],
  ['lib/storage/', 'lib/catalog/'],
  ['lib/grants/'],
  ['lib/transfer/', 'lib/changes/', 'lib/providers/'],
  ['lib/documents/', 'lib/connections/', 'lib/intake/', 'lib/outbox/', 'lib/users/', 'lib/webhooks/'],
  ['lib/http/', 'lib/compose/'],
  ['functions/'],
]

const tierOf = (file: string): number =>
  tiers.findIndex((places) => places.some((place) => placeOf(file).startsWith(place)))
const placeOf = (file: string): string => (facts.test(file) ? 'facts' : file)
const folderOf = (file: string): string =>
  placeOf(file)
    .split('/')
    .slice(0, file.startsWith('lib/providers/') ? 3 : 2)
    .join('/')

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

function importsOf(file: string): Import[] {
  const { module, program } = parseSync(file, readFileSync(file, 'utf8'))
  const statics = module.staticImports.map(({ moduleRequest, entries }) => ({
    to: moduleRequest.value,
    typeOnly: entries.length > 0 && entries.every((entry) => entry.isType),
  }))
  const exports = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap((entry) =>
      entry.moduleRequest === null ? [] : [{ to: entry.moduleRequest.value, typeOnly: entry.isType }],
    ),
  )
  const text = readFileSync(file, 'utf8')
  const dynamics = module.dynamicImports.map(({ moduleRequest }) => ({
    to: text.slice(moduleRequest.start, moduleRequest.end).replaceAll(/['"`]/g, ''),
    typeOnly: false,
  }))
  expect(program.type).toBe('Program')
  return [...statics, ...exports, ...dynamics].map(({ to, typeOnly }) => ({
    from: file,
    to: to.startsWith('.') ? normalize(join(dirname(file), to)) : to,
    typeOnly,
  }))
}

const sources = globSync(
  '{lib,functions,infra,local,simulators,emulators,cli,client,web/src}/**/*.{ts,tsx}',
  {
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
)
const imports = sources.flatMap(importsOf)
const own = imports.filter(({ to }) =>
  /^(lib|functions|infra|local|simulators|emulators|web|client|cli|test|bench)\//.test(to),
)
const insideProvider = (file: string): boolean => /^lib\/providers\/[^/]+\//.test(file) && !facts.test(file)
const show = ({ from, to }: Import): string => `${from} → ${to}`

describe('the import rule', () => {
  it('sees the tree', () => {
    expect(sources.length).toBeGreaterThan(50)
    expect(own.length).toBeGreaterThan(100)
  })

  it('gives every module of lib and functions a tier', () => {
    expect(sources.filter((file) => /^(lib|functions)\//.test(file) && tierOf(file) < 0)).toEqual([])
  })

  it('lets imports point down or sideways only', () => {
    const wrong = own.filter(({ from, to }) => {
      if (!/^(lib|functions)\//.test(from) || !/^(lib|functions)\//.test(to)) return false
      if (folderOf(from) === folderOf(to) || (tierOf(from) === 0 && tierOf(to) === 0)) return false
      return tierOf(to) > tierOf(from)
    })
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps lib and functions free of infra, local, web, client and tests', () => {
    const wrong = own.filter(
      ({ from, to }) => /^(lib|functions)\//.test(from) && !/^(lib|functions)\//.test(to),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('lets infra, local, web, cli and the client’s generator use of lib only the contract and what it stands on', () => {
    const wrong = own.filter(
      ({ from, to }) =>
        /^(infra|local|web|client|cli)\//.test(from) &&
        to.startsWith('lib/') &&
        !facts.test(to) &&
        !/^lib\/(contract\/|errors\.ts|ids\.ts|secret\.ts|clock\.ts)/.test(to) &&
        !(from.startsWith('infra/') && to === 'lib/telemetry/metrics.ts'),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('lets the client, the simulators and the emulators import of this repository only themselves', () => {
    const wrong = own.filter(({ from, to }) => {
      const [workspace] = /^(simulators|emulators|client\/src)\//.exec(from) ?? []
      return workspace !== undefined && !to.startsWith(workspace)
    })
    expect(wrong.map(show)).toEqual([])
  })

  it('lets only the list of providers name one, and only the composition load it', () => {
    const list = 'lib/providers/load.ts'
    const wrong = own.filter(({ from, to }) => {
      if (to === list) return !from.startsWith('lib/compose/')
      return insideProvider(to) && from !== list && folderOf(from) !== folderOf(to)
    })
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps a provider’s folder free of other providers, of rows and of use cases', () => {
    const wrong = own.filter(
      ({ from, to }) =>
        insideProvider(from) &&
        !facts.test(to) &&
        folderOf(from) !== folderOf(to) &&
        /^lib\/(providers\/[^/]+|catalog|transfer|documents|connections|intake|http|queue|compose)\//.test(
          to,
        ),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('has no circular import', () => {
    const graph = new Map<string, string[]>()
    for (const { from, to } of own) graph.set(from, [...(graph.get(from) ?? []), to])
    const state = new Map<string, 'open' | 'closed'>()
    const circles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'closed') return
      if (state.get(file) === 'open') {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
        return
      }
      state.set(file, 'open')
      for (const next of graph.get(file) ?? []) visit(next, [...path, file])
      state.set(file, 'closed')
    }
    for (const file of sources) visit(file, [])
    expect(circles).toEqual([])
  })

  it('has at most eight floors of folders in lib', () => {
    const below = new Map<string, Set<string>>()
    const floorPlace = (file: string): string => {
      if (facts.test(file)) return 'facts'
      const [, folder = '', rest] = file.split('/')
      return rest === undefined ? 'ground' : folder
    }
    for (const { from, to } of own) {
      const [upper, lower] = [floorPlace(from), floorPlace(to)]
      if (!from.startsWith('lib/') || !to.startsWith('lib/') || upper === lower) continue
      below.set(upper, (below.get(upper) ?? new Set()).add(lower))
    }
    const floor = (place: string): number =>
      1 + Math.max(0, ...[...(below.get(place) ?? [])].map((lower) => floor(lower)))
    expect(floor('compose')).toBeGreaterThan(4)
    expect(Math.max(...[...below.keys()].map(floor))).toBeLessThanOrEqual(8)
  })

  it('imports zod so that it stays small', () => {
    const wrong = imports.filter(({ from, to }) => /^(lib|functions)\//.test(from) && to === 'zod')
    expect(wrong.map(show).filter((line) => !line.startsWith('lib/contract/openapi'))).toEqual([])
  })
})
