import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const rooms = readdirSync('lib', { withFileTypes: true }).filter((entry) => entry.isDirectory())
const folders = [
  'functions',
  'infra',
  'local',
  'conformance',
  'simulators',
  'emulators',
  'cli',
  'client',
  'web',
  'verify',
  'packages',
  'models',
].concat(rooms.map(({ name }) => join('lib', name)))
const pages = globSync(
  [
    '*.md',
    'llms.txt',
    '.github/**/*.md',
    '{docs,lib,functions,infra,local,models,web,cli,client,verify,packages}/**/*.md',
  ],
  {
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
)
const read = (file: string): string => readFileSync(file, 'utf8')
/** Without blocks of code, whose words are not ours. */
const text = (page: string): string => read(page).replaceAll(/```[^]*?```/g, '')

describe('a folder', () => {
  it.each(folders)('%s says what is in it and where to start reading', (folder) => {
    const page = read(join(folder, 'README.md'))
    expect(page).toContain('Start reading at')
    expect(page).toMatch(/\bNot here: /)
    expect(page).toMatch(/\bRules?\b.*:/)
    const start = /^Start reading at .*$/m.exec(page)?.[0] ?? ''
    expect(namedIn(start)).not.toEqual([])
    expect(missing(join(folder, 'README.md'), namedIn(start))).toEqual([])
  })
})

describe('a page', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const links = [...text(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(
      ([, path = '']) => path,
    )
    expect(links.filter((path) => !existsSync(join(dirname(page), path)))).toEqual([])
  })

  it.each(pages)('%s names files that are there', (page) => {
    expect(
      missing(
        page,
        namedIn(text(page)).filter((path) => path.includes('/')),
      ),
    ).toEqual([])
  })
})

function namedIn(words: string): string[] {
  return [...words.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|tsx|js|mjs))(?::\d+)?`/g)].map(
    ([, path = '']) => path,
  )
}

/** Those that are neither beside the page nor where the project begins. */
function missing(page: string, paths: readonly string[]): string[] {
  return paths.filter((path) => ![dirname(page), '.'].some((place) => existsSync(join(place, path))))
}
