import { runAsProcess } from '../kernel/process.ts'
import { startDropboxSimulator } from './server.ts'

await runAsProcess(startDropboxSimulator)
