import type { Part } from '../part.ts'
import { runTests } from '../vitest.ts'

/** The tests of `driveway mcp` with a file as large as agents are said to choke on. */
export const agents: Part = {
  name: 'agents',
  shows: 'a scripted agent stores 2 GiB, is killed on the way, goes on, and carries none of the bytes itself',
  needs: [],
  minutes: 12,
  run: (at) =>
    runTests(at, {
      args: ['--project', 'stack', 'test/stack/cli/mcp.test.ts'],
      env: { AGENT_FILE_MIB: '2048', TMPDIR: at.folder },
    }),
}
