import type { Command } from '../command.ts'

export const mcp: Command = {
  name: 'mcp',
  takes: '[folder]',
  summary: 'Serve agents over the Model Context Protocol, on standard input and output.',
  help: [['[folder]', 'files are read and written there alone; the current one when left out']],
  options: {},
  arguments: [0, 1],
  async run(context) {
    // Nobody else needs the protocol's code, which takes as long to load as all of the rest.
    const { serveAgents } = await import('../mcp-server.ts')
    await serveAgents(context, context.positionals[0] ?? '.')
  },
}
