import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { scope } from './scope.ts'

/** What says the scope beside `scope.ts`: manifests and pages. */
export const carriers: readonly string[] = globSync(
  ['package-lock.json', '*/package.json', 'llms.txt', '*.md', '*/**/*.md'],
  { exclude: ['**/node_modules/**', '**/dist/**', '**/cdk.out/**'] },
)

/** Writes the scope wherever the one before it stands. */
function carryScope(): void {
  const { name }: { name: string } = JSON.parse(readFileSync('client/package.json', 'utf8'))
  const before = name.split('/')[0] ?? ''
  for (const file of before === scope ? [] : carriers) {
    const text = readFileSync(file, 'utf8')
    const carried = text.replaceAll(`${before}/`, `${scope}/`)
    if (carried !== text) writeFileSync(file, carried)
  }
}

// Part of `npm run generate`.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) carryScope()
