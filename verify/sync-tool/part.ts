import { program } from '../needs.ts'
import type { Part } from '../part.ts'

/** A sync tool that was never written for the simulators, on four accounts. */
export const syncTool: Part = {
  name: 'sync-tool',
  shows: 'an unmodified rclone does its whole work against the simulators under the providers’ own names',
  needs: [program('rclone', 'apt-get install rclone')],
  minutes: 8,
  async run({ folder, commands }) {
    const script = 'simulators/bench/sync-tool.ts'
    const { out, status } = await commands.run(process.execPath, [script], { env: { TMPDIR: folder } })
    const [, tool = 'rclone', passed = '0', all = '0'] =
      /^(.*): (\d+) of (\d+) steps passed$/m.exec(out) ?? []
    const failed = out.split('\n').filter((line) => line.startsWith('FAIL'))
    const short = status !== 0 && failed.length === 0 ? [`${script} ended with status ${String(status)}`] : []
    return {
      passed: Number(passed),
      failed: [...failed, ...short],
      figures: `${tool}: ${passed} of ${all} steps`,
    }
  },
}
