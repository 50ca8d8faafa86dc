import { styleText } from 'node:util'
import type { Connection, Driveway } from '../../client/src/node.ts'
import { wordsForReason } from '../../lib/contract/reasons.ts'
import type { Command, Context } from '../command.ts'
import { configFile, isReadableByOthers } from '../config.ts'
import { CommandError, exitCodeOf, exitCodes } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'
import { howToConnect, humanBytes } from '../output.ts'

interface Finding {
  readonly check: string
  readonly verdict: 'good' | 'warning' | 'bad'
  readonly detail: string
  /** What to do about it. */
  readonly advice?: string
  readonly exitCode?: ExitCode
}

/** Signatures and token lifetimes begin to fail beyond this, seconds. */
const toleratedSkewSeconds = 60

export const doctor: Command = {
  name: 'doctor',
  takes: '',
  summary: 'Check the settings, the deployment, the sign-in and every connected drive.',
  help: [],
  options: {},
  arguments: [0, 0],
  async run(context) {
    const findings: Finding[] = []
    const add = (finding: Finding) => {
      findings.push(finding)
      context.output.result(finding, () => line(finding))
    }
    add(await checkSettings())
    const { url, driveway } = await context.session()
    const reachable = await checkDeployment(url, driveway, context)
    for (const finding of reachable) add(finding)
    if (reachable.every((finding) => finding.verdict !== 'bad')) {
      for await (const finding of checkAccount(driveway, context)) add(finding)
    }
    const bad = findings.filter((finding) => finding.verdict === 'bad')
    if (bad.length === 0) return
    const found = bad.length === 1 ? 'One thing needs' : `${bad.length} things need`
    throw new CommandError(bad[0]?.exitCode ?? exitCodes.failure, `${found} attention.`)
  },
}

async function checkSettings(): Promise<Finding> {
  const file = configFile()
  if (!(await isReadableByOthers())) return { check: 'settings', verdict: 'good', detail: file }
  return {
    check: 'settings',
    verdict: 'warning',
    detail: `${file} can be read by others.`,
    advice: `chmod 600 ${file}`,
  }
}

async function checkDeployment(url: string, driveway: Driveway, { signal }: Context): Promise<Finding[]> {
  const check = 'deployment'
  const begin = Date.now()
  let date: string | null
  try {
    const response = await fetch(`${url}/v1/openapi.json`, { signal })
    date = response.headers.get('date')
    await response.body?.cancel()
  } catch (error) {
    if (signal.aborted) throw error
    const advice = 'Start the local stack with npm start, or name a deployment with --url.'
    return [
      { check, verdict: 'bad', detail: `Nothing answers at ${url}.`, advice, exitCode: exitCodes.network },
    ]
  }
  const took = Date.now() - begin
  const skew = date === null ? 0 : Math.abs(Date.parse(date) - begin) / 1000
  const clock: Finding[] =
    skew > toleratedSkewSeconds
      ? [
          {
            check: 'clock',
            verdict: 'warning',
            detail: `This machine’s clock is ${Math.round(skew)} s off.`,
            advice: 'Set it, or tokens and upload URLs will be refused.',
          },
        ]
      : []
  try {
    await driveway.connections.list({ signal })
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const answered: Finding = { check, verdict: 'good', detail: `${url} answers in ${took} ms.` }
    return [
      answered,
      ...clock,
      { check: 'sign-in', verdict: 'bad', detail, advice: 'driveway login', exitCode: exitCodeOf(error) },
    ]
  }
  return [
    { check, verdict: 'good', detail: `${url} answers in ${took} ms.` },
    ...clock,
    { check: 'sign-in', verdict: 'good', detail: 'The token is accepted.' },
  ]
}

async function* checkAccount(driveway: Driveway, { signal }: Context): AsyncGenerator<Finding> {
  const connections = await driveway.connections.list({ signal })
  const live = connections.filter(
    (connection) => connection.status !== 'disconnected' && connection.status !== 'pending',
  )
  if (live.length === 0) {
    yield {
      check: 'drives',
      verdict: 'warning',
      detail: 'No drive is connected.',
      advice: howToConnect,
    }
  }
  for (const connection of live) yield checkConnection(connection, driveway, signal)
}

async function checkConnection(
  connection: Connection,
  driveway: Driveway,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `${connection.provider} ${connection.id}`
  const health = await driveway.connections.health(connection.id, { signal })
  const { quota } = health
  const space =
    quota === undefined
      ? ''
      : `, ${humanBytes(quota.used)}${quota.limit === undefined ? '' : ` of ${humanBytes(quota.limit)}`} used`
  if (health.healthy)
    return { check, verdict: 'good', detail: `answers in ${Math.round(health.latencyMs)} ms${space}` }
  if (health.status === 'requires_reauth') {
    const command = `driveway connect --reconnect ${connection.id}`
    const words = wordsForReason(health.reason)
    return {
      check,
      verdict: 'bad',
      detail: `needs to be reconnected (${health.reason ?? 'consent ended'}).${words === undefined ? '' : ` ${words.why}`}`,
      advice: words === undefined ? command : `${words.next.slice(0, -1)}: ${command}`,
      exitCode: exitCodes.userNeeded,
    }
  }
  const advice = 'Wait a moment; the provider may be down.'
  return {
    check,
    verdict: 'bad',
    detail: health.reason ?? 'does not answer',
    advice,
    exitCode: exitCodes.provider,
  }
}

function line({ check, verdict, detail, advice }: Finding): string {
  const marks = { good: ['green', '✓'], warning: ['yellow', '!'], bad: ['red', '✗'] } as const
  const [colour, mark] = marks[verdict]
  return `${styleText(colour, mark, { stream: process.stdout })} ${check}: ${detail}${advice === undefined ? '' : `\n  → ${advice}`}`
}
