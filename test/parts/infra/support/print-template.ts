import { synthesize } from './stack.ts'

/** For a test that wants the template of another registry: a copy of the tree runs it. */
process.stdout.write(JSON.stringify(synthesize().toJSON()))
