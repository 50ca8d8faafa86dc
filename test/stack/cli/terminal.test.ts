import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from '@lydell/node-pty'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { startContractServer } from '../../support/contract-server.ts'
import type { ContractServer } from '../../support/contract-server.ts'
import { browsing, cleanEnvironment } from './run-cli.ts'

const launcher = join(import.meta.dirname, '../../../cli/driveway.js')
let server: ContractServer
let folder: string

beforeEach(async () => {
  server = await startContractServer()
  folder = await mkdtemp(join(tmpdir(), 'driveway-terminal-'))
})

afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

interface Shown {
  readonly code: number
  readonly screen: string
}

/** Runs the command on a pseudo-terminal of 80 columns; `onText` sees the screen grow and may type. */
function onTerminal(
  args: readonly string[],
  onText: (screen: string, type: (keys: string) => void) => void = () => {},
  extra: Readonly<Record<string, string>> = {},
): Promise<Shown> {
  const env = cleanEnvironment(join(folder, '.config'), {
    DRIVEWAY_URL: server.url,
    TERM: 'xterm-256color',
    ...extra,
  })
  const terminal = spawn(process.execPath, [launcher, ...args], { cols: 80, rows: 24, cwd: folder, env })
  let screen = ''
  terminal.onData((text) => {
    screen += text
    onText(screen, (keys) => terminal.write(keys))
  })
  return new Promise((resolve) => {
    terminal.onExit(({ exitCode }) => resolve({ code: exitCode, screen }))
  })
}

describe('on a terminal', () => {
  test('the whole journey, with colours and a progress bar that leaves no trace', async () => {
    const connected = await onTerminal(['connect', 'onedrive', '--no-browser'], browsing())
    expect(connected).toMatchObject({
      code: 0,
      screen: expect.stringContaining('Connected onedrive as alice@example.com'),
    })

    const content = randomBytes(6 * 1024 * 1024)
    await writeFile(join(folder, 'scan.pdf'), content)
    const stored = await onTerminal(['put', 'scan.pdf'])
    expect(stored.code).toBe(0)
    expect(stored.screen).toMatch(/scan\.pdf █*░* +\d+ % {2}6\.3 MB (sending|storing)/)
    // The bar is wiped before the result is written.
    expect(stored.screen).toContain('\r\u001B[2K✓ scan.pdf → scan-pdf')

    expect((await onTerminal(['ls'])).screen).toContain('\u001B[1mDOCUMENT')
    expect((await onTerminal(['ls'], undefined, { NO_COLOR: '1' })).screen).not.toContain('\u001B[')
    expect((await onTerminal(['status', 'scan-pdf', '--watch'])).screen).toContain('scan-pdf: stored, 6.3 MB')
    expect((await onTerminal(['get', 'scan-pdf', '-o', 'copy.pdf'])).code).toBe(0)
    expect((await readFile(join(folder, 'copy.pdf'))).equals(content)).toBe(true)
    expect((await onTerminal(['doctor'])).screen).toContain('\u001B[32m✓')
    expect((await onTerminal(['rm', 'scan-pdf'])).screen).toContain('Deleted scan-pdf')
  })

  test('a failure is red, with the next step', async () => {
    const { code, screen } = await onTerminal(['status', 'nothing'])
    expect(code).toBe(exitCodes.notFound)
    expect(screen).toContain('\u001B[31mdriveway:')
    expect(screen).toContain('Check the documentId')
  })

  test('a completion code is typed in by hand', async () => {
    let typed = false
    const { code, screen } = await onTerminal(
      ['connect', '--reconnect', 'drive-1', '--paste'],
      (text, type) => {
        if (typed || !text.includes('completion code that the page shows')) return
        typed = true
        type('code-drive-1\r')
      },
    )
    expect(screen).toContain('Connected google-drive')
    expect(code).toBe(0)
  })

  test('Ctrl-C stops a watch at once', async () => {
    server.outcome = 'stuck'
    server.documents.set('slow', {
      content: Buffer.alloc(10),
      version: 1,
      view: {
        id: 'slow',
        connectionId: 'drive-1',
        provider: 'google-drive',
        status: 'uploading',
        size: 10,
        contentType: 'text/plain',
        progress: { bytesTransferred: 3, bytesTotal: 10 },
        createdAt: '2026-11-22T08:00:00.000Z',
        updatedAt: '2026-11-22T08:00:00.000Z',
      },
    })
    let typed = false
    const { code } = await onTerminal(['status', 'slow', '--watch'], (screen, type) => {
      if (typed || !screen.includes('uploading')) return
      typed = true
      type('\u0003')
    })
    expect(code).toBe(exitCodes.interrupted)
  })
})
