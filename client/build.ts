import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Builds client/dist: ES modules and declarations, one file for each source file. */
const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc')
const project = fileURLToPath(new URL('tsconfig.json', import.meta.url))

rmSync(new URL('dist', import.meta.url), { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' })
process.exitCode = status ?? 1
