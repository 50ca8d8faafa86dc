#!/usr/bin/env node
// Starts main.ts with a Node that runs TypeScript: this one when it can, else the one that the project pins.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
// By its default export: Node 20 has no enableCompileCache, and naming it here would end the program there.
import module from 'node:module'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'

if (process.features.typescript) {
  // Half of a short command's time is compiling; what was compiled is kept in the system's folder for temporary files.
  module.enableCompileCache?.()
  await import('./main.ts')
} else {
  const windows = process.platform === 'win32'
  const pinned = fileURLToPath(
    new URL(`../node_modules/node/bin/node${windows ? '.exe' : ''}`, import.meta.url),
  )
  if (!existsSync(pinned)) {
    process.stderr.write(
      'driveway: this Node cannot run TypeScript. Run npm ci first, or use Node 22.18 or newer.\n',
    )
    process.exit(1)
  }
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child by itself; a second one from here would end it before it has tidied up.
  const terminal = [0, 1, 2].some((fd) => isatty(fd))
  process.on('SIGINT', () => terminal || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]))
}
