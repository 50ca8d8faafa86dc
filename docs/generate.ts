import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { limitTable } from '../bench/cost-at-size.ts'
import { connectionTable, fixedTable } from '../bench/cost-tables.ts'
import { openapiDocument } from '../lib/contract/openapi/document.ts'
import type { JsonSchema } from '../lib/contract/openapi/types.ts'
import { eventWords } from '../lib/contract/openapi/webhooks.ts'
import { reasonWords, rejectionWords } from '../lib/contract/reasons.ts'
import { testType, webhookTypes } from '../lib/contract/webhook-types.ts'
import type { ProviderAbout } from '../lib/providers/about.ts'
import type { ProviderId } from '../lib/providers/registry.ts'
import { aboutOf, oauthProviderIds, providerIds } from '../lib/providers/registry.ts'
import type { Simulated } from '../local/simulated.ts'
import { simulated } from '../local/simulated.ts'
import { providerSettings } from '../infra/provider-settings.ts'

/**
 * Part of `npm run generate`: what pages say of single providers comes from the providers' facts and from the READMEs of their folders.
 * It stands in a page between `<!-- generated: name -->` and `<!-- end -->`.
 */

/** The pages that have such parts. */
export const generatedPages = [
  'README.md',
  'docs/cost.md',
  'docs/deploy.md',
  'docs/events.md',
  'docs/local-stack.md',
  'docs/provider-quirks.md',
] as const

const root = new URL('../', import.meta.url)
const all: readonly ProviderAbout[] = providerIds.map(aboutOf)

/** By name, what is put between the markers. */
const parts: Readonly<Record<string, () => string | Promise<string>>> = {
  drives: () =>
    table(
      ['drive', '`provider`', 'connected by', 'proven by', 'its code and quirks'],
      all.map((about) => [
        about.name,
        `\`${about.id}\``,
        connectedBy(about),
        proof(about),
        `[lib/providers/${about.id}](lib/providers/${about.id}/README.md)`,
      ]),
    ),
  facts: () =>
    table(
      [
        'drive',
        'connected by',
        'proven by',
        'without use, a consent ends after',
        'a disconnect takes back',
        'a deleted document',
      ],
      all.map((about) => [
        about.name,
        connectedBy(about),
        proof(about),
        lifetime(about),
        takenBack(about),
        about.console.afterDelete,
      ]),
    ),
  quirks: () => sections('What an app notices', providerIds, ({ name, id }) => `## ${name} (\`${id}\`)`),
  registration: async () =>
    `${await sections('Registering an app there', oauthProviderIds, (about) => `### ${about.name}`)}\n\n${settings()}`,
  simulators: () =>
    table(
      ['simulator', 'port', 'plays', 'the real one takes its place when these are set'],
      simulated.map((one) => [
        `\`${one.name}\`, for ${aboutOf(one.provider).name}`,
        `+${one.portOffset}`,
        one.plays,
        realClient(one),
      ]),
    ),
  'cost-of-connections': () => framed(connectionTable()),
  'fixed-cost': () => framed(fixedTable()),
  limits: () => framed(limitTable()),
  events: () => eventTable(),
  'event-fields': () => fieldTable(),
  'event-example': () => {
    const [, detail] = eventWords['Document Stored']
    const event = { source: 'driveway', 'detail-type': 'Document Stored', detail }
    return `\`\`\`json\n${JSON.stringify(event, undefined, 2)}\n\`\`\``
  },
  rejections: () =>
    table(
      ['`reason`', 'why it was rejected'],
      Object.entries(rejectionWords).map(([reason, why]) => [`\`${reason}\``, why]),
    ),
  reasons: () =>
    table(
      ['`reason`', 'what has happened', 'what lets the drive in again'],
      Object.entries(reasonWords).map(([reason, { why, next }]) => [`\`${reason}\``, why, next]),
    ),
}

const { webhooks, components } = openapiDocument({ serverUrl: '' })
const shapeOf = (name: string): JsonSchema => components.schemas[name] ?? {}
const fieldsOf = (name: string): string[] => Object.keys(shapeOf(name).properties ?? {})
/** What nearly all events have. */
const common = fieldsOf('ConnectionActivated')
const ofDocuments = fieldsOf('DocumentDeleted')

function eventTable(): string {
  const rows = Object.entries(webhookTypes).map(([type, webhookType]) => {
    const [when] = eventWords[type as keyof typeof webhookTypes]
    const name = type.replaceAll(' ', '')
    return [`\`${type}\``, `\`${webhookType}\``, when, ownFields(name, shapeOf(name))]
  })
  const head = ['detail-type on the bus', '`type` of a webhook', 'when', 'what it says besides']
  return table(head, [
    ...rows,
    ['', `\`${testType}\``, webhooks[testType]?.post.summary ?? '', '`webhookId`'],
  ])
}

/** The fields that an event has beside those of its kind; all of them where it lacks some of those. */
function ownFields(name: string, { properties = {}, required = [] }: JsonSchema): string {
  const usual = name.startsWith('Document') ? ofDocuments : common
  const whole = usual.every((field) => field in properties)
  const own = Object.entries(properties).filter(([field]) => !whole || !usual.includes(field))
  const written = own.map(([field, { enum: values = [], properties: inner }]) => {
    const optional = required.includes(field) ? '' : '?'
    if (inner !== undefined) return `${field}${optional}: {${Object.keys(inner).join(', ')}}`
    const choice = values.length === 0 || field === 'reason' ? '' : `: ${values.join(' \\| ')}`
    return `${field}${optional}${choice}`
  })
  if (written.length === 0) return ''
  return `${whole ? '' : 'only '}\`${written.join(', ')}\``
}

function fieldTable(): string {
  const { properties = {} } = shapeOf('DocumentDeleted')
  const whose = (field: string): string => (common.includes(field) ? 'all' : 'documents')
  return table(
    ['field', 'of', 'what'],
    Object.entries(properties).map(([field, { description = '' }]) => [
      `\`${field}\``,
      whose(field),
      description,
    ]),
  )
}

function connectedBy({ grant }: ProviderAbout): string {
  switch (grant.kind) {
    case 'oauth2':
      return `consent at ${grant.registrar}`
    case 'password':
      return 'an app password'
    case 'none':
      return 'nothing: it is the deployment’s own'
  }
}

function proof({ hash }: ProviderAbout): string {
  if (hash === undefined) return 'its size alone'
  return hash.late ? `${hash.algorithm}, sometimes some minutes late` : hash.algorithm
}

function lifetime({ grant }: ProviderAbout): string {
  if (grant.kind !== 'oauth2') return 'never'
  const days = grant.idleDays === undefined ? 'never' : `${grant.idleDays} days`
  return `${days}; the keep-alive uses it after ${grant.keepAliveDays}`
}

function takenBack({ grant }: ProviderAbout): string {
  if (grant.kind !== 'oauth2') return 'what is kept of it here'
  const what = {
    'all grants': 'every consent of the account to this app',
    'this grant': 'this consent',
    nothing: 'nothing there: it has no way to',
  }
  return `${what[grant.revokes]}; the user finds it [here](${grant.manageUrl})`
}

/** The variables that name the provider's real OAuth client, and what else may be said of it. */
function realClient({ clientSettings, provider }: Simulated): string {
  if (clientSettings === undefined) return ''
  const more = providerSettings.filter(({ about }) => about.id === provider)
  return [
    `\`${clientSettings.id}\` and \`${clientSettings.secret}\``,
    ...more.map(({ variable, chosen }) => `\`${variable}\` if it is not \`${chosen.default}\``),
  ].join(', ')
}

/** What single providers let a deployment choose. */
function settings(): string {
  const rows = providerSettings.map(({ about, name, means, chosen }) => [
    `\`${name}\``,
    about.name,
    `\`${chosen.default}\``,
    means,
  ])
  return `Settings of single providers:\n\n${table(['setting', 'provider', 'default', 'what it is'], rows)}`
}

const framed = (lines: readonly string[]): string => lines.map((line) => `| ${line} |`).join('\n')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => cells.join(' | ')
  return framed([line(head), line(head.map(() => '---')), ...rows.map(line)])
}

/** The section of one heading from each folder's README, under the headings of this page. */
async function sections(
  heading: string,
  ids: readonly ProviderId[],
  titleOf: (about: ProviderAbout) => string,
): Promise<string> {
  const texts = ids.map(async (id) => {
    const file = `lib/providers/${id}/README.md`
    const readme = await readFile(new URL(file, root), 'utf8')
    const [, found] = `${readme}\n## `.split(`\n## ${heading}\n`)
    if (found === undefined) throw new Error(`${file} has no section “${heading}”.`)
    return `${titleOf(aboutOf(id))}\n\n${found.slice(0, found.indexOf('\n## ')).trim()}`
  })
  return (await Promise.all(texts)).join('\n\n')
}

/** The page with its generated parts as they have to be. */
export async function regenerated(page: (typeof generatedPages)[number]): Promise<string> {
  const text = await readFile(new URL(page, root), 'utf8')
  const pieces = text.split(/(?<=<!-- generated: [\w-]+ -->)[^]*?(?=<!-- end -->)/)
  const filled = pieces.map(async (piece, at) => {
    const [, name = ''] = /<!-- generated: ([\w-]+) -->$/.exec(piece) ?? []
    if (at === pieces.length - 1) return piece
    const part = await parts[name]?.()
    if (part === undefined) throw new Error(`${page} wants a part “${name}” that nothing generates.`)
    return `${piece}\n\n${part}\n\n`
  })
  return (await Promise.all(filled)).join('')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const page of generatedPages) await writeFile(new URL(page, root), await regenerated(page))
}
