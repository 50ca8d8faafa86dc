#!/usr/bin/env node
// Starts main.ts with a Node that runs TypeScript: this one when it can, else the one that the project pins.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

if (process.features.typescript) {
  // Half of a short command's time is compiling; what was compiled is kept in the system's folder for temporary files.
  enableCompileCache()
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
  const { status, signal } = spawnSync(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exit(status ?? (signal === 'SIGINT' ? 130 : 1))
}
