import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { python } from '../needs.ts'
import type { Part } from '../part.ts'
import { oauthClient, startProviders } from '../providers.ts'

const here = import.meta.dirname
const outcome = z.enum(['ok', 'not simulated', 'fails'])
const seenCall = z.object({ call: z.string(), outcome, detail: z.string() })
type SeenCall = z.output<typeof seenCall>

/** What each call is to answer. Any other answer is red, a better one too: then this list is behind. */
const expected = z.record(z.string(), z.enum(['ok', 'not simulated']))

/** Client libraries of other languages, on the simulators under the providers' own names. */
export const clients: Part = {
  name: 'clients',
  shows: 'Python’s client libraries of both providers are answered by the simulators as by the providers',
  needs: [python],
  minutes: 6,
  async run({ folder, commands, install }) {
    const bin = await install.python(join(here, 'requirements.txt'))
    const providers = await startProviders(folder)
    try {
      const env = {
        ...providers.env,
        VERIFY_CLIENT_ID: oauthClient.clientId,
        VERIFY_CLIENT_SECRET: oauthClient.clientSecret,
        VERIFY_REDIRECT: oauthClient.redirectUris[0],
        OAUTHLIB_RELAX_TOKEN_SCOPE: '1',
        OAUTHLIB_INSECURE_TRANSPORT: '1',
        HOME: folder,
      }
      const seen: SeenCall[] = []
      const failed: string[] = []
      for (const provider of ['google', 'microsoft']) {
        const args = [join(here, 'calls.py'), provider]
        const { status, out } = await commands.run(join(bin, 'python'), args, { env, cwd: folder })
        seen.push(
          ...out
            .split('\n')
            .flatMap((line) => (line.startsWith('{') ? [seenCall.parse(JSON.parse(line))] : [])),
        )
        if (status !== 0) failed.push(`calls.py ${provider} ended with status ${String(status)}`)
      }
      failed.push(...differences(seen), ...providers.refused.map((host) => `${host} was asked for`))
      const of = (wanted: string): number => seen.filter((call) => call.outcome === wanted).length
      const figures = `${String(of('ok'))} calls ok, ${String(of('not simulated'))} not simulated`
      return { passed: seen.length - differences(seen).length, failed, figures }
    } finally {
      await providers.close()
    }
  },
}

function differences(seen: readonly SeenCall[]): string[] {
  const table = expected.parse(JSON.parse(readFileSync(join(here, 'expected.json'), 'utf8')))
  const wrong = seen.flatMap(({ call, outcome, detail }) => {
    const wanted = table[call] ?? 'not in the list'
    return outcome === wanted ? [] : [`${call}: ${outcome}, and the list says ${wanted}. ${detail}`]
  })
  const gone = Object.keys(table).filter((call) => !seen.some((one) => one.call === call))
  return [...wrong, ...gone.map((call) => `${call}: in the list, and was not called`)]
}
