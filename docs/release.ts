import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

const changelog = new URL('../CHANGELOG.md', import.meta.url)
const unreleased = '## Unreleased\n'

/** The changelog when `version` is out: what was unreleased stands under it. Rejects when there is nothing. */
export function released(text: string, version: string, date: string): string {
  const [before, after, ...more] = text.split(unreleased)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error('CHANGELOG.md has to have one heading "Unreleased".')
  if (text.includes(`## ${version} `)) throw new Error(`CHANGELOG.md has version ${version} already.`)
  if (!/^\n*- /.test(after)) throw new Error('CHANGELOG.md says nothing under "Unreleased".')
  return `${before}${unreleased}\n## ${version} (${date})\n${after}`
}

// `npm version` calls it with the new version in its environment.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const today = new Date().toISOString().slice(0, 10)
  const version = process.env['npm_package_version'] ?? ''
  await writeFile(changelog, released(await readFile(changelog, 'utf8'), version, today))
}
