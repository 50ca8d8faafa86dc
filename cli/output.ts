import { styleText } from 'node:util'
import { errorAdvice } from '../client/src/generated.ts'
import type { ErrorCode } from '../client/src/generated.ts'
import { isDrivewayError } from '../client/src/errors.ts'
import { providerIds } from '../lib/providers/registry.ts'

/** What to type to connect a first drive. */
export const howToConnect = `driveway connect ${providerIds[0]}`

export interface Progress {
  /** `fraction` 0 to 1. */
  update(fraction: number, text: string): void
  end(): void
}

/** What the commands write through: results to standard output, everything else to standard error. */
export interface Output {
  readonly json: boolean
  /** A result: one JSON value on a line for machines, `human` for people. */
  result(value: unknown, human: () => string): void
  /** A remark for people; nothing with --json or --quiet. */
  note(text: string): void
  /** What a person has to see to go on, also with --quiet. */
  ask(text: string): void
  failure(error: unknown): void
  /** A bar on a terminal, nothing elsewhere. */
  progress(label: string): Progress
}

const line = (text: string) => process.stderr.write(`${printable(text)}\n`)
const draw = (text: string) => process.stderr.write(`\r\u001B[2K${text}`)
const red = (text: string) => styleText('red', text, { stream: process.stderr })

/** What acts on a terminal or turns text around, but for line ends, tabs, and our own bold and colours. */
const control =
  // oxlint-disable-next-line no-control-regex
  /\u001B(?!\[(?:1|22|31|32|33|39)m)|[\u0000-\u0008\u000B-\u001A\u001C-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

/**
 * Text as it may reach a terminal. Names, addresses and what servers answer are others' words: a control
 * character among them could move the cursor, set the title or hide a line. Each becomes its escape.
 */
export function printable(text: string): string {
  return text.replaceAll(control, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const barWidth = 24
const redrawMs = 80

/** Writes to the process's own streams. Colours only on a terminal, and never against NO_COLOR. */
export function processOutput(options: { readonly json: boolean; readonly quiet: boolean }): Output {
  const { json, quiet } = options
  return {
    json,
    result: (value, human) => {
      process.stdout.write(`${printable(json ? JSON.stringify(value) : human())}\n`)
    },
    note: (text) => {
      if (!json && !quiet) line(text)
    },
    ask: (text) => {
      if (!json) line(text)
    },
    failure: (error) => {
      line(json ? JSON.stringify({ error: errorFields(error) }) : failureText(error))
    },
    progress: (label) => (json || quiet || !process.stderr.isTTY ? silent : bar(label)),
  }
}

const silent: Progress = { update: () => undefined, end: () => undefined }

function bar(label: string): Progress {
  let drawn = 0
  let last = ''
  return {
    update(fraction, text) {
      const full = Math.round(Math.min(1, fraction) * barWidth)
      last = `${label} ${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${text}`
      const now = Date.now()
      if (now - drawn < redrawMs && fraction < 1) return
      drawn = now
      draw(printable(last).slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1)))
    },
    end() {
      if (last !== '') draw('')
    },
  }
}

/** What a machine learns about a failure. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!isDrivewayError(error)) {
    const message = error instanceof Error ? error.message : String(error)
    return { code: error instanceof Error ? error.name : 'Error', detail: message }
  }
  const { code, detail, status, requestId, retryAfterSeconds, connectionId, links } = error
  return {
    code,
    detail,
    status,
    requestId,
    retryAfterSeconds,
    connectionId,
    links: Object.keys(links).length > 0 ? links : undefined,
  }
}

function failureText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (!isDrivewayError(error)) return `${red('driveway:')} ${message}`
  const next = nextStep(error.code, error.connectionId)
  const request = error.requestId === undefined ? '' : ` [${error.requestId}]`
  return `${red('driveway:')} ${sentence(error.detail)} (${error.code})${request}${next === undefined ? '' : `\n  ${next}`}`
}

/** An error's detail speaks of the API, to who calls it; a person at a terminal calls no routes. */
function sentence(detail: string): string {
  return detail
    .replace(/ Connect a drive first: POST \S+$/, '')
    .replace(/ Name one: connectionId\.$/, '')
    .replace(/^(?:path|query|body|header)[. ]/, '')
}

function nextStep(code: string, connectionId: string | undefined): string | undefined {
  if (code === 'unauthorized') return 'Sign in: driveway login'
  if (code === 'connection_required')
    return `Choose one with --connection (driveway connections), or connect a drive: ${howToConnect}`
  if (code === 'connection_requires_reauth')
    return `Reconnect: driveway connect --reconnect ${connectionId ?? '<connection>'}`
  if (code === 'network_error') return 'Check the connection with: driveway doctor'
  if (code === 'precondition_failed')
    return 'Store it under another name with --id, or over it with --if-exists replace.'
  return isAdvised(code) ? errorAdvice[code].action : undefined
}

function isAdvised(code: string): code is ErrorCode {
  return code in errorAdvice
}

/** Columns of equal width for people; the last one is left ragged. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const draw = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [styleText('bold', draw(head), { stream: process.stdout }), ...rows.map(draw)].join('\n')
}

/** `12.3 MB` for 12300000. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
