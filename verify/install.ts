import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { CommandOptions, Commands } from './commands.ts'

/** What a part needs could not be installed: the network, or a registry, not the project. */
export class NotInstalled extends Error {}

/** Installs what parts need, once: what is there already is taken as it is. All versions are exact. */
export interface Installer {
  /** A Python environment with the packages of a requirements file. @returns its `bin` folder */
  python(requirements: string): Promise<string>
  /** A program of a Go module, with its version: `example.org/tool@v1.2.3`. @returns its path */
  go(module: string): Promise<string>
  /** The packages of a folder with a `package.json` and its lock. @returns a folder with `node_modules` */
  npm(folder: string, env?: CommandOptions['env']): Promise<string>
}

/** Registries hiccup; a third failure in a row is more than that. */
const PAUSES_MS = [5_000, 20_000]

/** Outside the project, so that `npm ci` and a fresh clone leave it alone. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(base, 'driveway-verify')
}

export function openInstaller(commands: Commands, signal: AbortSignal): Installer {
  const tried = async (what: string, step: () => Promise<unknown>): Promise<void> => {
    for (const wait of [...PAUSES_MS, undefined]) {
      try {
        await step()
        return
      } catch (error) {
        signal.throwIfAborted()
        if (wait === undefined)
          throw new NotInstalled(`${what} could not be installed: ${said(error)}`, { cause: error })
        await pause(wait, undefined, { signal })
      }
    }
  }

  /** A folder that is complete or not there: what a run left half done is made anew. */
  const once = async (
    name: string,
    contents: string,
    what: string,
    fill: (folder: string) => Promise<unknown>,
  ): Promise<string> => {
    const id = createHash('sha256').update(contents).digest('hex').slice(0, 12)
    const folder = join(cacheFolder(), `${name}-${id}`)
    const mark = join(folder, 'complete')
    if (existsSync(mark)) return folder
    await tried(what, async () => {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      await fill(folder)
    })
    writeFileSync(mark, '')
    return folder
  }

  return {
    async python(requirements) {
      const version = await commands.must('python3', ['--version'])
      const contents = version + readFileSync(requirements, 'utf8')
      const folder = await once('python', contents, `What ${requirements} lists`, async (at) => {
        await commands.must('python3', ['-m', 'venv', at])
        const bin = join(at, 'bin/python')
        // The list is complete, so nothing beside it is looked for.
        await commands.must(bin, [
          '-m',
          'pip',
          'install',
          '--quiet',
          '--no-deps',
          '--requirement',
          requirements,
        ])
      })
      return join(folder, 'bin')
    },
    async go(module) {
      const folder = await once('go', module, module, async (at) =>
        commands.must('go', ['install', module], { env: { GOBIN: at, GOFLAGS: '-modcacherw' } }),
      )
      return join(folder, module.replace(/@.*$/, '').split('/').at(-1) ?? '')
    },
    async npm(folder, env = {}) {
      const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
      const contents = `${process.version} ${read('package.json')}${read('package-lock.json')}`
      return once('npm', contents, `What ${folder}/package.json lists`, async (at) => {
        for (const file of ['package.json', 'package-lock.json']) writeFileSync(join(at, file), read(file))
        await commands.must('npm', ['ci', '--no-audit', '--no-fund'], { cwd: at, env })
      })
    },
  }
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
