import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { carriers } from '../../packages/carry-scope.ts'
import { scope } from '../../packages/scope.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const sources = globSync(
  '{.ci,bench,cli,client,conformance,docs,emulators,examples,infra,lib,local,packages,simulators,test,verify,web}/**/*.{ts,tsx,js,html,json}',
  {
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
)
const texts = [...new Set([...carriers, ...sources])].map((file) => ({ file, text: read(file) }))
const saying = (words: RegExp): string[] =>
  texts.filter(({ text }) => words.test(text)).map(({ file }) => file)

describe('the name on npm', () => {
  it('is that of one scope, everywhere', () => {
    const manifests = globSync('*/package.json').map(
      (file) => (JSON.parse(read(file)) as { name: string }).name,
    )
    expect(manifests.length).toBeGreaterThan(4)
    expect(manifests.filter((name) => !name.startsWith(`${scope}/`))).toEqual([])
    expect(saying(new RegExp(`@(?!${scope.slice(1)}/)[\\w-]*driveway[\\w-]*/`))).toEqual([])
  })

  it('stands in one place of the sources, and in what is written from there', () => {
    const places = saying(new RegExp(`${scope}(?![\\w-])`)).filter((file) => !carriers.includes(file))
    expect(places).toEqual(['packages/scope.ts'])
  })

  it('is never the bare one, under which npm has a package of somebody else', () => {
    expect(
      saying(/(npx|npm (i|install|exec|add|x)|pnpm (add|dlx)|yarn (add|dlx))( -\S+)* driveway(-|\b)/),
    ).toEqual([])
  })
})
