import { globSync, readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { aboutOf, commonHashes, hashAlgorithms, providerIds } from '../../lib/providers/registry.ts'

/** Product code outside a provider's folder, but for the two lists and what is generated. */
const sources = globSync('{lib,functions,infra,local,cli,client,web,docs}/**/*.{ts,tsx}', {
  exclude: ['**/node_modules/**', '**/dist/**'],
}).filter(
  (file) =>
    !/^lib\/providers\/(?:[^/]+\/|registry\.ts$|load\.ts$)/.test(file) && file !== 'client/src/generated.ts',
)

/** What a provider is called: its id, its name, whose OAuth client it has, its simulator. */
const words = providerIds.flatMap((id) => {
  const { name, grant, simulator } = aboutOf(id)
  return [id, name, grant.kind === 'oauth2' ? grant.registrar : '', simulator?.name ?? '']
})
const squeeze = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
const ids = new Set<string>(providerIds)
/** A short id such as `s3` is looked for as a whole string, and not where AWS's own service is called so. */
const names = [...new Set(words.map(squeeze))].filter((word) => word.length > 3)
const common = new Set<string>(commonHashes)
/** Hashes that one provider alone has; as a whole word, since such names are plain words. */
const ownHashes = new Set(hashAlgorithms.filter((algorithm) => !common.has(algorithm)) as string[])
const isAws = (file: string, text: string): boolean =>
  text === 's3' && /^(?:local|infra|lib\/aws)\//.test(file)

/** Nothing in a file can name a provider whose name is not in its text. */
function mayName(source: string): boolean {
  const squeezed = squeeze(source)
  return (
    names.some((name) => squeezed.includes(name)) || [...ids, ...ownHashes].some((id) => source.includes(id))
  )
}

/** Where the code of a file names a provider, in identifiers, strings and texts; comments may. */
function namings(file: string): string[] {
  const source = readFileSync(file, 'utf8')
  if (!mayName(source)) return []
  const found: string[] = []
  const note = (text: string, at: number): number =>
    found.push(`${file}:${source.slice(0, at).split('\n').length} ${text.trim()}`)
  const look = (text: string, at: number): void => {
    if (ownHashes.has(text) || names.some((name) => squeeze(text).includes(name))) note(text, at)
  }
  new Visitor({
    Identifier: ({ name, start }) => look(name, start),
    PrivateIdentifier: ({ name, start }) => look(name, start),
    Literal: ({ value, start }) => {
      if (typeof value !== 'string') return
      if (ids.has(value) && !isAws(file, value)) note(value, start)
      else look(value, start)
    },
    TemplateElement: ({ value, start }) => look(value.raw, start),
    JSXText: ({ value, start }) => look(value, start),
  }).visit(parseSync(file, source).program)
  return found
}

describe('the rule of one folder', () => {
  it('sees the tree, and what it looks for', () => {
    expect(sources.length).toBeGreaterThan(150)
    expect(names).toEqual(expect.arrayContaining(['googledrive', 'google', 'onedrive', 'microsoft']))
    expect(namings('lib/providers/onedrive/about.ts').length).toBeGreaterThan(5)
  })

  it('lets no code outside a provider’s folder name it: what differs is a fact in its about.ts', () => {
    expect(sources.flatMap(namings)).toEqual([])
  })
})
