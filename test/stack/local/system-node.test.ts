import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { exitCodes } from '../../../cli/exit-codes.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { systemNode, systemNodeVersion, systemPath } from '../../support/system-node.ts'
import { cleanEnvironment, runCli } from '../cli/run-cli.ts'

const cleanUps: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'driveway-node-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** As a newcomer's shell has it: without the folder of the project's own programs. */
const env = { ...process.env, PATH: systemPath }

describe(`where the machine's own Node is ${systemNodeVersion}`, () => {
  it('npm finds nothing to warn of in what is installed', () => {
    const clone = newFolder()
    const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
    for (const place of ['.', ...workspaces])
      cpSync(`${place}/package.json`, join(clone, place, 'package.json'))
    for (const file of ['package-lock.json', '.npmrc']) cpSync(file, join(clone, file))
    const options = { env, cwd: clone, encoding: 'utf8' } as const
    const npm = spawnSync('npm', ['ci', '--dry-run', '--offline'], options)
    expect(npm.stderr).toBe('')
    expect(npm.stdout).toMatch(/\nadded \d+ packages in /)
  })

  it('npm start brings the stack up, and npm run reset clears what it kept', async () => {
    const stateDir = newFolder()
    const stack = await startLocalStack({ command: ['npm', 'start'], stateDir, env: { PATH: systemPath } })
    cleanUps.push(() => stack.dispose())
    expect((await fetch(`${stack.base}/healthz`)).status).toBe(200)
    expect(await stack.stop()).toBe(0)
    expect(existsSync(join(stateDir, 'google'))).toBe(true)
    const said = execFileSync('npm', ['run', 'reset', '--silent'], {
      env: { ...env, DRIVEWAY_STATE_DIR: stateDir },
      encoding: 'utf8',
    })
    expect(said).toBe(`cleared ${stateDir}\n`)
    expect(existsSync(stateDir)).toBe(false)
  })

  it('the command line runs and answers its exit codes', async () => {
    const clean = cleanEnvironment(newFolder(), { PATH: systemPath })
    const help = await runCli(['help'], { node: systemNode, env: clean })
    expect(help).toMatchObject({ code: exitCodes.ok, stderr: '' })
    expect(help.stdout).toContain('Usage: driveway <command>')
    const wrong = await runCli(['fly'], { node: systemNode, env: clean })
    expect(wrong).toMatchObject({ code: exitCodes.usage, stdout: '' })
  })

  it('a command that is interrupted says so with its exit code', async () => {
    const configFolder = newFolder()
    let asked = (): void => undefined
    const silent = createServer(() => asked()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    cleanUps.push(() => {
      silent.closeAllConnections()
      silent.close()
    })
    const file = join(configFolder, 'hello.txt')
    writeFileSync(file, 'hello')
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const run = await runCli(['ls', '--url', url], {
      node: systemNode,
      env: cleanEnvironment(configFolder, { PATH: systemPath, DRIVEWAY_TOKEN: 'a.b.c' }),
      onStart: (interrupt) => {
        asked = interrupt
      },
    })
    expect(run).toMatchObject({ code: exitCodes.interrupted, stderr: 'Interrupted.\n' })
  })
})
