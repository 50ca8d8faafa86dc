import { setTimeout as pause } from 'node:timers/promises'
import type { ServerDriveway } from '../../client/src/node.ts'
import { allWebhookTypes } from '../../lib/contract/webhook-types.ts'
import type { WebhookType } from '../../lib/contract/webhook-types.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodeOf, exitCodes, UsageError } from '../exit-codes.ts'
import { localMachine, localStackOnly } from '../local-machine.ts'
import { isLeftBehind, openRelay } from '../webhook-relay.ts'
import type { Handed } from '../webhook-relay.ts'

const machine = { client: 'driveway-listen', scopes: ['webhooks'] }
const lookEveryMs = 2_000
const goodbyeMs = 3_000

type Webhooks = ServerDriveway['webhooks']
/** Whether the server has answered that it is gone for good. */
interface Heard {
  gone: boolean
}

export const listen: Command = {
  name: 'listen',
  takes: '--forward-to <url>',
  summary: 'Forward the local stack’s events to a server of yours, signed as webhooks are.',
  help: [
    ['--forward-to <url>', 'where your server takes webhooks, such as http://localhost:3000/hook'],
    ['--types <type,…>', 'which events; all of them when left out'],
    ['', 'Ends with Ctrl-C. driveway trigger makes something happen.'],
  ],
  options: { 'forward-to': { type: 'string' }, types: { type: 'string' } },
  arguments: [0, 0],
  async run(context) {
    const { signal, text } = context
    const target = targetOf(text('forward-to'))
    const types = typesOf(text('types'))
    const url = await localStackOnly(
      context,
      'A deployment calls addresses of the internet: register one with POST /v1/webhooks.',
    )
    const { webhooks } = await localMachine(url, machine, signal)
    const heard: Heard = { gone: false }
    const relay = await openRelay(target, (delivery) => {
      heard.gone ||= delivery.status === 410
      show(context, delivery)
    })
    let id: string | undefined
    const register = async (): Promise<void> => {
      if ((await webhooks.list({ signal })).some((one) => one.id === id)) return
      // Also one whose answer was lost, and with it its secret.
      await remove(webhooks, async (one) => one.url === relay.url || (await isLeftBehind(one.url)))
      const { webhook, secret } = await webhooks.create({ url: relay.url, types }, { signal })
      id = webhook.id
      const result = { listening: target.href, webhookId: id, secret }
      context.output.result(
        result,
        () => `Forwarding to ${target.href}. What comes is signed with\n${secret}`,
      )
    }
    try {
      await stay(context, url, heard, register)
    } finally {
      relay.close()
      // What cannot be removed because the stack is gone, the next one that listens removes.
      await remove(webhooks, (one) => one.url === relay.url).catch(() => undefined)
    }
  },
}

function targetOf(typed: string | undefined): URL {
  if (typed !== undefined && URL.canParse(typed) && /^https?:$/.test(new URL(typed).protocol))
    return new URL(typed)
  throw new UsageError('Usage: driveway listen --forward-to http://localhost:3000/hook')
}

function typesOf(typed: string | undefined): WebhookType[] | undefined {
  const known: readonly string[] = allWebhookTypes
  const unknown = typed?.split(',').filter((type) => !known.includes(type)) ?? []
  if (unknown.length > 0)
    throw new UsageError(`There is no event ${unknown.join(', ')}. Known are: ${known.join(', ')}`)
  return typed?.split(',') as WebhookType[] | undefined
}

/** Keeps a webhook registered until it is interrupted, or switched off by the server's own answer. */
async function stay(
  context: Context,
  url: string,
  heard: Heard,
  register: () => Promise<void>,
): Promise<never> {
  const { output, signal } = context
  await register()
  for (let known = await keysOf(url, signal); ;) {
    await pause(lookEveryMs, undefined, { signal })
    if (heard.gone)
      throw new CommandError(
        exitCodes.conflict,
        'Your server answered 410: a deployment sends such a one nothing any more. Listen again to go on.',
      )
    const keys = await keysOf(url, signal)
    if (keys === known) continue
    if (keys === undefined) output.note('The local stack does not answer. Its events wait there.')
    // After a reset it has other keys, and knows of no webhook.
    else if (await register().then(() => true, isTemporary)) output.note('The local stack is back.')
    else continue
    known = keys
  }
}

/** False for a stack that is not quite there yet. */
function isTemporary(error: unknown): false {
  if (exitCodeOf(error) === exitCodes.network || exitCodeOf(error) === exitCodes.provider) return false
  throw error
}

/** What the stack signs tokens with; undefined while it is away. Calls of its API would fill its log. */
async function keysOf(url: string, signal: AbortSignal): Promise<string | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(lookEveryMs)])
  const asked = fetch(`${url}/local/.well-known/jwks.json`, { signal: limit })
  const keys = await asked.then((answer) => answer.text()).catch(() => undefined)
  signal.throwIfAborted()
  return keys
}

function show({ output }: Context, delivery: Handed): void {
  const { id, type, status, reason = '', ms } = delivery
  const answer = status === undefined ? `no answer: ${reason}` : `${status} in ${ms} ms`
  output.result(delivery, () => `${new Date().toISOString().slice(11, 19)}  ${type}  ${id}  ${answer}`)
}

async function remove(
  webhooks: Webhooks,
  is: (webhook: { readonly url: string }) => boolean | Promise<boolean>,
): Promise<void> {
  const options = { signal: AbortSignal.timeout(goodbyeMs) }
  for (const one of await webhooks.list(options)) if (await is(one)) await webhooks.delete(one.id, options)
}
