#!/usr/bin/env node
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runAsProcess } from './kernel/process.ts'
import { simulators } from './registry.ts'
import type { SimulatorId } from './registry.ts'

/** One simulator from the command line, for whoever wants to try their own code against it. */
const ids = Object.keys(simulators)
const usage = `usage: driveway-simulator ${ids.join('|')} [--port 8788] [--state folder]
                          [--client id:secret] [--redirect uri]…

It listens on 127.0.0.1; port 0 takes a free one. Without --state what it keeps is gone at its end.
The control API is under /_sim/: POST /_sim/clients makes further OAuth clients.
`

const isSimulator = (id: string | undefined): id is SimulatorId => id !== undefined && id in simulators

function settings():
  | { readonly id: SimulatorId; readonly env: Readonly<Record<string, string>> }
  | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        port: { type: 'string', default: '8788' },
        state: { type: 'string' },
        client: { type: 'string', default: 'simulated:simulated-secret' },
        redirect: { type: 'string', multiple: true, default: ['http://localhost/callback'] },
        help: { type: 'boolean', short: 'h' },
      },
    })
    const [id] = positionals
    const [clientId, clientSecret] = values.client.split(':')
    if (values.help === true || positionals.length !== 1 || !isSimulator(id)) return undefined
    if (!/^\d{1,5}$/.test(values.port) || !clientId || !clientSecret) return undefined
    return {
      id,
      env: {
        PORT: values.port,
        STATE_DIR: values.state ?? temporaryFolder(),
        CLIENT_ID: clientId,
        CLIENT_SECRET: clientSecret,
        REDIRECT_URIS: values.redirect.join(','),
      },
    }
  } catch {
    return undefined
  }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'driveway-simulator-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const wanted = settings()
if (wanted === undefined) {
  process.stderr.write(usage)
  process.exitCode = 2
} else {
  const { origin } = await runAsProcess(simulators[wanted.id], wanted.env)
  process.stdout.write(`the ${wanted.id} simulator is at ${origin}\n`)
}
