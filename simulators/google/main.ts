import { runAsProcess } from '../kernel/process.ts'
import { startGoogleSimulator } from './server.ts'

await runAsProcess(startGoogleSimulator)
