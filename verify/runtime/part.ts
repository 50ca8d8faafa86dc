import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { program } from '../needs.ts'
import type { Part } from '../part.ts'
import { runTests } from '../vitest.ts'

/** Where a Node lies that has its headers, which the package's addon is built with. */
function nodeWithHeaders(): string | undefined {
  const nodes = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'node'))
  const prefixes = nodes.filter(existsSync).map((node) => dirname(dirname(realpathSync(node))))
  return ['/usr', '/usr/local', ...prefixes].find((at) => existsSync(join(at, 'include/node/node_api.h')))
}

/** The bundles under the client of Lambda's runtime API that AWS's own images have. */
export const runtime: Part = {
  name: 'runtime',
  shows:
    'the bundles that are deployed do their work under AWS’s own runtime client, streamed answers included',
  needs: [
    program('cmake', 'apt-get install cmake'),
    program('autoreconf', 'apt-get install autoconf automake libtool'),
    program('g++', 'apt-get install g++ make'),
    {
      missing:
        'No Node with its headers (include/node) is here: the Node of nodejs.org and of NodeSource has them.',
      there: async () => nodeWithHeaders() !== undefined,
    },
  ],
  minutes: 15,
  async run(at) {
    const env = { npm_config_nodedir: nodeWithHeaders() }
    const installed = await at.install.npm(join(import.meta.dirname, 'npm'), env)
    const client = join(installed, 'node_modules/aws-lambda-ric/bin/index.mjs')
    return runTests(at, {
      args: ['--project', 'parts', 'test/parts/local/lambda-runtime'],
      env: { LAMBDA_RUNTIME_CLIENT: client },
    })
  },
}
