import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { problemExample } from '../lib/contract/openapi/document.ts'
import { problemCatalog } from '../lib/contract/problem-catalog.ts'
import { problemTypes } from '../lib/contract/problems.ts'
import { errorCodes } from '../lib/errors.ts'
import { ownErrors } from './own-errors.ts'

/** Where the generated guide stands. */
export const errorGuideFile = new URL('../docs/errors.md', import.meta.url)

/** `docs/errors.md`, from the tables that the API answers from. */
export function errorGuide(): string {
  const sections = errorCodes.map((code) => {
    const { status, title } = problemTypes[code]
    const { meaning, action } = problemCatalog[code]
    return `### \`${code}\`\n\n${status}, ${title}. ${meaning}\n\n**What to do:** ${action}\n`
  })
  const summary = errorCodes.map((code) => `- [\`${code}\`](#${code}) ${problemTypes[code].status}`)
  return [
    '# Errors, and what to do',
    'Every error of the API is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Act on `code`: the set is closed, and a code always has the same status. `detail` is a sentence for a person. Quote `requestId` when you report a problem.',
    `\`\`\`json\n${JSON.stringify(problemExample('connection_requires_reauth'), null, 2)}\n\`\`\``,
    'Only `provider_throttled`, `provider_unavailable` and `internal_error` are worth repeating as they are; wait for `Retry-After`. The client does, as far as repeating is safe.',
    summary.join('\n'),
    '## The API’s codes',
    sections.join('\n').trimEnd(),
    '## The client’s own codes',
    Object.entries(ownErrors)
      .map(([code, { meaning, action }]) => `### \`${code}\`\n\n${meaning}\n\n**What to do:** ${action}`)
      .join('\n\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await writeFile(errorGuideFile, errorGuide())
