import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const brought = /[\\/]node_modules[\\/]/
const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !brought.test(`${folder}/`))

/** The PATH of a newcomer's shell: without what npm puts in front for its scripts. */
export const systemPath = folders.join(delimiter)

/** The Node that this machine has by itself; where it has none, the one that runs the tests. */
export const systemNode = folders.map((folder) => join(folder, 'node')).find(existsSync) ?? process.execPath

/** For the names of tests: which Node they were run with depends on the machine. */
export const systemNodeVersion = execFileSync(systemNode, ['--version'], { encoding: 'utf8' }).trim()
