import { randomBytes } from 'node:crypto'
import { allWebhookTypes, testType } from '../../lib/contract/webhook-types.ts'
import { aboutOf, providerIds } from '../../lib/providers/registry.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { localMachine, localStackOnly } from '../local-machine.ts'

const known: readonly string[] = [...allWebhookTypes, testType]
/** The drive that is connected without a person: the stack's own. */
const itself = providerIds.find((id) => aboutOf(id).grant.kind === 'none') ?? providerIds[0]
const content = Buffer.from('A document that driveway trigger has made.\n')
const machine = { client: 'driveway-trigger', scopes: ['users.erase', 'webhooks'] }

/** What makes an event true here. Each answers what it has done. */
const made: Readonly<Record<string, (context: Context, url: string) => Promise<string>>> = {
  async 'document.stored'(context) {
    const { documentId } = await store(context)
    return `Stored ${documentId}. Remove it with: driveway rm ${documentId}`
  },
  async 'document.deleted'(context) {
    const { driveway, documentId } = await store(context)
    await driveway.documents.delete(documentId, { permanent: true, signal: context.signal })
    return `Stored ${documentId}, and deleted it.`
  },
  'connection.activated': connectOne,
  'connection.disconnected': connectOne,
  async 'user.erased'({ signal }, url) {
    const userId = name()
    const { users } = await localMachine(url, machine, signal)
    await users.erase(userId, { signal })
    return `The user ${userId}, of whom there is nothing, is being erased.`
  },
  async [testType]({ signal }, url) {
    const { webhooks } = await localMachine(url, machine, signal)
    const all = await webhooks.list({ signal })
    for (const { id } of all) await webhooks.test(id, { signal })
    return `Sent to ${all.length} ${all.length === 1 ? 'webhook' : 'webhooks'}.`
  },
}

export const trigger: Command = {
  name: 'trigger',
  takes: '<event>',
  summary: 'Make something happen at the local stack that is told as an event.',
  help: [
    ['<event>', known.join(', ')],
    ['--connection <id>', 'with document events: the drive; an active one when left out'],
    ['', 'What cannot be made to happen is sent as a sample, whose eventId begins with sample-.'],
  ],
  options: { connection: { type: 'string' } },
  arguments: [1, 1],
  async run(context) {
    const { positionals, output, signal } = context
    const [event = ''] = positionals
    if (!known.includes(event))
      throw new UsageError(`There is no event ${event}. Known are: ${known.join(', ')}`)
    const url = await localStackOnly(
      context,
      'There, do what makes the event true, or POST …/test a webhook.',
    )
    const { webhooks } = await localMachine(url, machine, signal)
    const listeners = (await webhooks.list({ signal })).length
    const done = await (made[event] ?? sample)(context, url)
    output.result({ triggered: event, sample: made[event] === undefined, done }, () => done)
    if (listeners === 0) output.note('No webhook hears of it: driveway listen --forward-to <url>')
  },
}

const name = (): string => `trigger-${randomBytes(4).toString('hex')}`

/** An active connection of the user; the stack's own storage where there is none. */
async function openDrive({ driveway: open, text, signal }: Context) {
  const driveway = await open()
  const active = async () =>
    (await driveway.connections.list({ signal })).find(({ status }) => status === 'active')?.id
  const connectionId =
    text('connection') ??
    (await active()) ??
    (await driveway.connections.start({ provider: itself }, { signal })).connection.id
  return { driveway, connectionId, documentId: name() }
}

async function store(context: Context) {
  const { driveway, connectionId, documentId } = await openDrive(context)
  const options = { documentId, connectionId, contentType: 'text/plain', extension: '.txt' }
  await driveway.upload(content, { ...options, signal: context.signal })
  return { driveway, documentId }
}

async function connectOne({ driveway: open, signal }: Context): Promise<string> {
  const { connections } = await open()
  const { connection } = await connections.start({ provider: itself }, { signal })
  await connections.disconnect(connection.id, { signal })
  return `Connected ${connection.id}, and disconnected it: both are told.`
}

/** What the local stack sends of an event that nothing has made true. */
async function sample({ positionals: [type = ''], signal }: Context, url: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify({ type }), signal }
  const answer = await fetch(`${url}/local/sample-event`, init)
  const { eventId } = (await answer.json()) as { readonly eventId?: string }
  if (answer.ok && eventId !== undefined)
    return `Sent a sample with the eventId ${eventId}: nothing else of what it says is there.`
  throw new CommandError(exitCodes.failure, `The local stack sent no sample: ${answer.status}.`)
}
