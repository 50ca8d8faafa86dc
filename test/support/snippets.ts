import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageName } from '../../packages/scope.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** What the snippets take for granted: the app around them. */
export interface Around {
  readonly baseUrl: string
  readonly session: { accessToken(need?: { readonly refresh: boolean }): string }
  readonly backend: { accessToken(): string }
  readonly file: File
  readonly cancel: AbortController
  show(...progress: readonly unknown[]): void
  say(words: string): void
  offerReconnect(connectionId: string): void
  createWriteStream(fileName: string): WriteStream
}

/**
 * The TypeScript of pages as one module, checked as strictly as there is. Each page is a function; its
 * snippets follow each other, as a reader would write them.
 * @returns what tsc says of them, and what runs one page
 */
export function snippetsOf(pages: readonly string[]): {
  readonly faults: string
  run(page: string, around: Around): Promise<void>
  dispose(): void
} {
  // Within the project, so that packages are found as they are from its own files.
  const made = mkdtempSync(join(root, 'node_modules/.cache/snippets-'))
  const imports = new Set<string>()
  const functions = pages.map((page, at) => {
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([^]*?)```/g)]
    const bodies = blocks.map(([, code = '']) =>
      code.replaceAll(/^import .*\n/gm, (line) => {
        imports.add(line.trim())
        return ''
      }),
    )
    // A block that makes a client of its own stands by itself; the others use the first one's.
    const [first = '', ...more] = bodies
    const rest = more.map((body) => `{\n${body}\n}`)
    return `export async function page${String(at)}(around: Around): Promise<void> {
const { session, backend, file, cancel, show, say, offerReconnect, createWriteStream } = around
${first.replaceAll("'https://api.example.com'", 'around.baseUrl')}
${rest.join('\n').replaceAll("'https://api.example.com'", 'around.baseUrl')}
}`
  })
  const client = pathToFileURL(join(root, 'client/src/node.ts')).pathname
  const lines = [
    `import type { Around } from '${join(root, 'test/support/snippets.ts')}'`,
    "import { pipeline } from 'node:stream/promises'",
    ...[...imports].map((line) => line.replace(`'${packageName('client')}'`, `'${client}'`)),
    ...functions,
  ]
  const module = join(made, 'snippets.ts')
  writeFileSync(module, lines.join('\n'))
  const project = join(made, 'tsconfig.json')
  const compilerOptions = { lib: ['es2024', 'dom'], noUnusedLocals: false, types: ['node'] }
  writeFileSync(
    project,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: [module], exclude: [] }),
  )
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  return {
    faults: stdout,
    async run(page, around) {
      const loaded = (await import(module)) as Record<string, (given: Around) => Promise<void>>
      await loaded[`page${String(pages.indexOf(page))}`]?.(around)
    },
    dispose: () => rmSync(made, { recursive: true, force: true }),
  }
}
