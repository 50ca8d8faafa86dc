import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Need } from './part.ts'

const run = promisify(execFile)

/** Whether a program can be run, and with status 0. */
async function works(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  )
}

/** A program on the PATH. @param how it is got */
export function program(name: string, how: string): Need {
  return {
    missing: `${name} is not on the PATH: ${how}.`,
    there: () => works('sh', ['-c', 'command -v "$0"', name]),
  }
}

export const python: Need = {
  missing: 'Python 3.11 or newer with its venv module is not here: apt-get install python3-venv.',
  there: () => works('python3', ['-c', 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))']),
}

export const go: Need = {
  missing: 'Go is not here: https://go.dev/dl has it.',
  there: () => works('go', ['version']),
}
