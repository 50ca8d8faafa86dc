import { rmSync } from 'node:fs'
import { resolve } from 'node:path'

/** `npm run reset`: forgets everything that the local stack has kept. */
const stateDir = resolve(process.env['DRIVEWAY_STATE_DIR'] ?? '.local')
rmSync(stateDir, { recursive: true, force: true })
process.stdout.write(`cleared ${stateDir}\n`)
