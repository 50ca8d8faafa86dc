import { runAsProcess } from '../kernel/process.ts'
import { startMicrosoftSimulator } from './server.ts'

await runAsProcess(startMicrosoftSimulator)
