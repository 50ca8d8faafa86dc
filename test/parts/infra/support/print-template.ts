import { synthesize } from './stack.ts'

/** For a test that wants the template of another registry: `node --import … print-template.ts`. */
process.stdout.write(JSON.stringify(synthesize().toJSON()))
