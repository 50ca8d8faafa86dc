import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { pack } from '../../packages/pack.ts'
import type { Published } from '../../packages/scope.ts'
import { published } from '../../packages/scope.ts'
import { firstProgram } from '../../packages/trial.ts'
import { typeFaults } from '../../packages/try-types.ts'
import { startLocalStack } from '../../test/support/local-stack.ts'
import type { Part, Workplace } from '../part.ts'
import { imported, page, required } from './programs.ts'

const root = join(import.meta.dirname, '../..')
const tool = (name: string): string => join(root, 'node_modules/.bin', name)
const { devDependencies: ours } = z
  .object({ devDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
/** Packages beside ours that a program needs, in the versions that are used here. */
const beside = (...names: readonly string[]): string[] => names.map((name) => `${name}@${ours[name] ?? ''}`)

/** Who requires: pages and servers of any kind, CDK apps; the rest is run by itself or by ES modules. */
const profiles = {
  client: 'node16',
  cdk: 'node16',
  simulators: 'esm-only',
  conformance: 'esm-only',
} as const satisfies Partial<Record<Published, string>>

type Tarballs = Readonly<Record<Published, string>>

/** One thing that has to hold; it throws where it does not. */
interface Trial {
  readonly what: string
  readonly run: () => Promise<unknown>
}

/** The packages as they would be published, installed from empty folders by what people install with. */
export const packages: Part = {
  name: 'packages',
  shows: 'every package installs in an empty folder by npm, pnpm and yarn, is well formed, and runs there',
  needs: [],
  minutes: 12,
  async run(at) {
    const made = join(at.folder, 'made')
    mkdirSync(made)
    const tarballs: Record<string, string> = {}
    for (const name of published) tarballs[name] = await pack(name, made)
    const bin = join(await at.install.npm(join(import.meta.dirname, 'npm')), 'node_modules/.bin')
    const trials = [
      ...shapes(at, made, bin),
      ...installs(at, tarballs as Tarballs, bin),
      ...(await journeys(at, tarballs as Tarballs)),
      ...tests(at, tarballs as Tarballs),
      app(at, tarballs as Tarballs),
    ]
    const failed: string[] = []
    for (const { what, run } of trials) {
      at.log(`\n## ${what}\n`)
      await run().catch((error: unknown) => {
        at.signal.throwIfAborted()
        failed.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      })
    }
    const passed = trials.length - failed.length
    return { passed, failed, figures: `${String(published.length)} packages, ${String(passed)} trials` }
  },
}

/** What two linters of packages say of them. */
function shapes({ commands }: Workplace, made: string, bin: string): Trial[] {
  return Object.entries(profiles).flatMap(([name, profile]) => {
    const cwd = join(made, name)
    return [
      {
        what: `publint of ${name}`,
        run: () => commands.must(tool('publint'), ['--strict'], { cwd }),
      },
      {
        what: `attw of ${name}`,
        run: () => commands.must(join(bin, 'attw'), ['--pack', '.', '--profile', profile], { cwd }),
      },
    ]
  })
}

function emptyFolder({ folder }: Workplace, name: string): string {
  const empty = join(folder, name)
  mkdirSync(empty)
  writeFileSync(join(empty, 'package.json'), JSON.stringify({ name, version: '1.0.0', private: true }))
  return empty
}

async function npmInstall(at: Workplace, cwd: string, ...what: readonly string[]): Promise<void> {
  await at.commands.must('npm', ['install', '--no-audit', '--no-fund', ...what], { cwd })
}

function must(holds: boolean, says: string): void {
  if (!holds) throw new Error(says)
}

/** Each way to install, with what runs without anything else: the command, and the simulators in a test. */
function installs(at: Workplace, tarballs: Tarballs, bin: string): Trial[] {
  const ways: readonly (readonly [program: string, ...args: string[]])[] = [
    ['npm', 'install', '--no-audit', '--no-fund'],
    [join(bin, 'pnpm'), 'add', '--store-dir', join(at.folder, 'pnpm-store')],
    [join(bin, 'yarn'), 'add', '--cache-folder', join(at.folder, 'yarn-cache'), '--non-interactive'],
  ]
  return ways.map(([program, ...args]) => ({
    what: `an install by ${program.split('/').at(-1) ?? ''}`,
    async run() {
      const cwd = emptyFolder(at, `by-${program.split('/').at(-1) ?? ''}`)
      await at.commands.must(program, [...args, tarballs.client, tarballs.cli, tarballs.simulators], { cwd })
      writeFileSync(join(cwd, 'simulated.mjs'), firstProgram('simulators'))
      const simulated = await at.commands.must('node', ['simulated.mjs'], { cwd })
      must(simulated === 'the answer is lost\n200\n2\n', `the simulators' program printed ${simulated}`)
      const version = await at.commands.must(join(cwd, 'node_modules/.bin/driveway'), ['--version'], { cwd })
      must(/^driveway \d+\.\d+\.\d+$/.test(version.trim()), `the command printed ${version}`)
    },
  }))
}

/** The client and the command against a local stack, the client's types, and a page. */
async function journeys(at: Workplace, tarballs: Tarballs): Promise<Trial[]> {
  const { commands } = at
  const cwd = emptyFolder(at, 'journeys')
  await npmInstall(at, cwd, tarballs.client, tarballs.cli, ...beside('vite', '@types/node'))
  const withStack = async (use: (base: string, token: string) => Promise<void>): Promise<void> => {
    const stack = await startLocalStack({ env: { TMPDIR: at.folder } })
    try {
      const answer = await fetch(`${stack.base}/local/token`, { method: 'POST', body: '{"sub":"alice"}' })
      await use(stack.base, z.object({ token: z.string() }).parse(await answer.json()).token)
    } finally {
      await stack.dispose()
    }
  }
  return [
    {
      what: 'programs against a local stack: imported, required, and the command',
      run: () =>
        withStack(async (base, token) => {
          for (const [file, program] of [
            ['imported.mjs', imported],
            ['required.cjs', required],
          ] as const) {
            writeFileSync(join(cwd, file), program)
            const printed = await commands.must('node', [file, base, token, file], { cwd })
            must(printed === `stored hello from ${file}\n`, `${file} printed ${printed}`)
          }
          const list = await commands.must(
            join(cwd, 'node_modules/.bin/driveway'),
            ['ls', '--url', base, '--as', 'alice'],
            { cwd, env: { HOME: cwd, XDG_CONFIG_HOME: cwd } },
          )
          must(list.includes('imported.mjs') && list.includes('required.cjs'), `the command listed ${list}`)
        }),
    },
    {
      what: 'the client’s types',
      async run() {
        await Promise.resolve()
        for (const [setting, said] of Object.entries(typeFaults(cwd)))
          must(said === '', `${setting}: ${said}`)
      },
    },
    {
      what: 'a page built by Vite',
      async run() {
        for (const [file, text] of Object.entries(page)) writeFileSync(join(cwd, file), text)
        await commands.must(join(cwd, 'node_modules/.bin/vite'), ['build'], { cwd })
        must(existsSync(join(cwd, 'dist/index.html')), 'Vite has built no page')
      },
    },
  ]
}

/** The suite, on the driver that its page shows. */
function tests(at: Workplace, tarballs: Tarballs): Trial[] {
  return [
    {
      what: 'the suite under vitest',
      async run() {
        const cwd = emptyFolder(at, 'suite')
        await npmInstall(at, cwd, tarballs.conformance, ...beside('vitest'))
        writeFileSync(join(cwd, 'map.test.mjs'), firstProgram('conformance'))
        await at.commands.must(join(cwd, 'node_modules/.bin/vitest'), ['run', '--root', cwd], { cwd })
      },
    },
  ]
}

/** Somebody else's CDK app, whose package is CommonJS as `cdk init` makes it. */
function app(at: Workplace, tarballs: Tarballs): Trial {
  return {
    what: 'a CDK app with the construct',
    async run() {
      const cwd = emptyFolder(at, 'app')
      await npmInstall(at, cwd, tarballs.cdk, ...beside('aws-cdk-lib', 'constructs'))
      writeFileSync(join(cwd, 'app.js'), firstProgram('cdk'))
      await at.commands.must('node', ['app.js'], { cwd, env: { CDK_OUTDIR: 'cdk.out' } })
      const template = readFileSync(join(cwd, 'cdk.out/Documents.template.json'), 'utf8')
      const { Resources: resources } = z
        .object({ Resources: z.record(z.string(), z.object({ Type: z.string() })) })
        .parse(JSON.parse(template))
      const count = (type: string): number =>
        Object.values(resources).filter(({ Type }) => Type === type).length
      must(count('AWS::Lambda::Function') > 30, `${String(count('AWS::Lambda::Function'))} functions`)
      must(count('AWS::CloudFront::Distribution') === 1, 'the console is not there')
    },
  }
}
