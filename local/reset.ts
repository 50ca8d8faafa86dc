import { existsSync, readdirSync } from 'node:fs'
import { statePath, takeMarkedFolder } from './state-folder.ts'

/** `npm run reset`: forgets everything that the local stack has kept, and touches nothing else. */
function reset(path: string): string {
  if (!existsSync(path) || readdirSync(path).length === 0) return `nothing to clear in ${path}`
  const folder = takeMarkedFolder(path)
  const left = folder.clear()
  folder.release()
  return left.length === 0
    ? `cleared ${path}`
    : `cleared ${path}; not the stack's, and kept: ${left.join(', ')}`
}

try {
  process.stdout.write(`${reset(statePath(process.env))}\n`)
} catch (error) {
  process.stderr.write(`driveway: ${error instanceof Error ? error.message : 'nothing was cleared'}\n`)
  process.exitCode = 1
}
