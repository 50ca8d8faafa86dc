import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import * as z from 'zod/mini'
import {
  defaultChangesWithinMinutes,
  defaultConnectionsPerUser,
  driveFolder,
} from '../lib/contract/limits.ts'
import type { Scope } from '../lib/contract/scopes.ts'
import { scopes } from '../lib/contract/scopes.ts'
import { providerIds } from '../lib/providers/registry.ts'
import { providerSettings } from './provider-settings.ts'
import { nearest, SettingsError } from './settings-error.ts'

/**
 * Everything about a deployment that can be chosen: in `infra/stages/{stage}.json`, or by `-c name=value` on
 * the command line, which wins. An unknown name or a value that does not fit is refused before the synthesis.
 */

/** A text of one form, which `rule` tells to who wrote another. */
const text = (form: RegExp, rule: string) => z.string().check(z.regex(form, rule))
const origin = text(
  /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?$/,
  'must be origins such as https://app.example.com, without a path',
)
const domain = (example: string) =>
  z.optional(text(/^([a-z0-9-]+\.)+[a-z]{2,}$/, `must be a domain name such as ${example}`))
const url = text(/^https?:\/\/[^\s,?#]+$/, 'must be an http or https URL')
const httpsUrl = text(/^https:\/\/[^\s,?#]+[^\s,?#/]$/, 'must be an https URL without a trailing slash')
const whole = (min: number, max: number) =>
  z
    .int('must be a whole number')
    .check(z.gte(min, `must be at least ${min}`), z.lte(max, `must be at most ${max}`))
const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, `must be of ${words.join(', ')}`)

const shape = {
  /** Name of the deployment, part of every name in the account: several stages live side by side. */
  stage: text(/^[a-z][a-z0-9]{0,11}$/, 'must be 1 to 12 lower-case letters and digits, a letter first'),
  /** The AWS account and region; the CLI's own when absent. */
  account: z.optional(text(/^\d{12}$/, 'must have 12 digits')),
  region: z.optional(text(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a region such as eu-central-1')),

  /** Issuer of the callers' JWTs, any OIDC provider. Absent: the stack makes a Cognito user pool. */
  issuer: z.optional(httpsUrl),
  /** Audiences (or client ids) that callers' tokens must carry; needed with `issuer`. */
  audience: z._default(z.array(text(/^[^\s,]+$/, 'must have no comma or space')), []),
  /**
   * Servers of the app that act for its users, by name, with their scopes. Cognito only: each becomes an app
   * client with a secret, which AWS charges by the month. With `issuer`: machineClients.
   */
  machines: z._default(
    z
      .record(z.string(), z.array(oneOf(Object.keys(scopes) as Scope[])))
      .check(
        z.refine(
          (machines) => Object.keys(machines).every((name) => /^[a-z][a-z0-9-]{0,31}$/.test(name)),
          'must be named by 1 to 32 lower-case letters, digits and hyphens',
        ),
      ),
    {},
  ),
  /** With `issuer`: what the tokens of such servers carry as `sub`, or as `client_id` when they have none. */
  machineClients: z._default(z.array(text(/^[^\s,*]+$/, 'must be a subject, without comma, space or *')), []),
  /** Where the issuer's keys are, when its discovery document does not say. */
  jwksUri: z.optional(httpsUrl),
  /** The public OIDC client of `issuer` that the console signs in with; without it there is no console. */
  consoleClientId: z.optional(z.string().check(z.minLength(1))),
  /** Cognito only: anybody may sign up. */
  selfSignUp: z._default(z.boolean(), false),
  /** Cognito only: where the console's sign-in may return to. The console's own address is added. */
  signInUrls: z._default(z.array(url), []),

  /** Origins that browsers may call the API and the buckets from, beside the console's own. */
  corsOrigins: z._default(z.array(origin), []),
  /** What a connection's returnUrl may start with. The console's own address is added. */
  allowedReturnUrls: z._default(z.array(url), []),
  /** Where there is an address to return to, a connect has to name one, and ends on no page with a code. */
  requireReturnUrl: z._default(z.boolean(), true),

  /** The API's own domain name, with a certificate of the same region; it alone answers then. */
  domainName: domain('api.example.com'),
  certificateArn: z.optional(
    text(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/.+$/, 'must be the ARN of an ACM certificate'),
  ),
  /** The Route 53 zone for the domain's record; without it an output names the target of the record. */
  hostedZoneId: z.optional(text(/^Z[A-Z0-9]+$/, 'must be a hosted zone id such as Z0123456789ABC')),
  hostedZoneName: domain('example.com'),

  /** AWS WAF: 2,000 requests in 5 minutes per address, AWS's managed rules. About 9 USD a month. */
  waf: z._default(z.boolean(), false),
  /** Requests per second that the whole API takes, and the burst above it. */
  throttleRate: z._default(whole(1, 10_000), 200),
  throttleBurst: z._default(whole(1, 5_000), 400),
  /** Transfers at once: what the intake may take of the account's Lambda concurrency. */
  intakeConcurrency: z._default(whole(2, 1_000), 20),
  /** Downloads at once: each takes up a function for as long as its reader is slow. 0: no ceiling. */
  downloadConcurrency: z._default(whole(0, 1_000), 100),
  /** Concurrency that is kept for telling callers apart, whatever else is going on. 0: none. */
  authorizerConcurrency: z._default(whole(0, 1_000), 50),
  /** Days that uploads which failed or were rejected stay in the intake bucket. */
  keptUploadDays: z._default(whole(1, 3_650), 30),

  /** Minutes that a drive where nothing happens is not looked at; others every minute. 0: none is. */
  changesWithinMinutes: z._default(whole(0, 1_440), defaultChangesWithinMinutes),

  /** Days that events stay in the bus's archive, to be replayed to its listeners. 0: there is none. */
  eventArchiveDays: z._default(whole(0, 3_650), 30),
  /** Connections that one user may have, those that wait for a consent included. */
  connectionsPerUser: z._default(whole(1, 1_000), defaultConnectionsPerUser),

  /** Providers that new connections may go to. Connections that there are go on working. */
  offeredProviders: z._default(z.array(oneOf(providerIds)).check(z.minLength(1, 'must not be empty')), [
    ...providerIds,
  ]),

  /** Folder in the user's drive that documents go into; empty for the drive's root. */
  driveFolder: z._default(text(driveFolder.pattern, `must be ${driveFolder.mustBe}`), ''),
  /** Files in the drive are called as people call them; else by document id and extension. */
  driveNames: z._default(z.boolean(), false),
  /** Days that a deleted connection's secret can be restored; 0 deletes at once. */
  secretRecoveryDays: z._default(
    z
      .int('must be 0, or 7 to 30')
      .check(z.refine((days) => days === 0 || (days >= 7 && days <= 30), 'must be 0, or 7 to 30')),
    0,
  ),

  /** Where alarms go, beside the topic that the stack makes. The address has to confirm once. */
  alarmEmail: z.optional(z.email('must be an e-mail address')),
  /** Where the runbook can be read: the alarms link to its entries. */
  runbookUrl: z._default(text(/^[^\s#]+$/, 'must be a URL or path without a fragment'), 'infra/RUNBOOK.md'),
  /** Reauthorizations within 15 minutes that are more than users' own doing. */
  reauthSpike: z._default(whole(1, 100_000), 10),
  /** Days that logs are kept, one of CloudWatch's own steps. */
  logRetentionDays: z._default(
    z.enum(
      RetentionDays,
      'must be one of CloudWatch’s steps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 …',
    ),
    RetentionDays.THREE_MONTHS,
  ),
  logLevel: z._default(oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR']), 'INFO'),
  /** Tables, buckets, keys and secrets stay when the stack is deleted; false is for a throw-away stage. */
  retain: z._default(z.boolean(), true),
}

const settings = z.strictObject(shape)

const ofProviders = z.object(
  Object.fromEntries(
    providerSettings.map(({ name, chosen: { pattern, mustBe, default: value } }) => [
      name,
      z._default(z.string().check(z.regex(pattern, `must be ${mustBe}`)), value),
    ]),
  ),
)
const variables = new Map(providerSettings.map(({ name, variable }) => [name, variable]))

export type Settings = z.infer<typeof settings> & {
  /** Variables of single providers, as functions find them. */
  readonly ofProviders: Readonly<Record<string, string>>
}
/** What may be chosen, with what is left out at its default. */
export type ChosenSettings = z.input<typeof settings>
export const settingNames: readonly string[] = [...Object.keys(shape), ...variables.keys()]

/** `-c name=value` always gives text: numbers, booleans and lists are read from it, as the default is one. */
function fromText(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  const usual = Object.entries(shape)
    .find(([known]) => known === name)?.[1]
    .safeParse(undefined).data
  if (Array.isArray(usual)) {
    return value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }
  if (typeof usual === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return typeof usual === 'number' && /^\d+$/.test(value) ? Number(value) : value
}

/** Rules that need more than one setting: what is broken, and what it says then. */
function contradictions(chosen: z.infer<typeof settings>): string[] {
  const ofIssuer =
    chosen.audience.length + chosen.machineClients.length > 0 ||
    chosen.jwksUri !== undefined ||
    chosen.consoleClientId !== undefined
  const ofPool = chosen.selfSignUp || chosen.signInUrls.length > 0 || Object.keys(chosen.machines).length > 0
  const own = chosen.issuer !== undefined
  const certified = chosen.certificateArn?.split(':')[3]
  const { region = certified } = chosen
  const paired = (one?: string, other?: string) => (one === undefined) === (other === undefined)
  const rules: readonly (readonly [broken: boolean, says: string])[] = [
    [
      own && chosen.audience.length === 0,
      'audience: needed with issuer, or tokens made for other services of that issuer would be taken',
    ],
    [
      !own && ofIssuer,
      'audience, jwksUri, consoleClientId, machineClients: only with issuer; the Cognito user pool has its own',
    ],
    [
      own && ofPool,
      'selfSignUp, signInUrls, machines: only without issuer; they belong to the Cognito user pool',
    ],
    [!paired(chosen.domainName, chosen.certificateArn), 'domainName, certificateArn: both or neither'],
    [!paired(chosen.hostedZoneId, chosen.hostedZoneName), 'hostedZoneId, hostedZoneName: both or neither'],
    [
      chosen.hostedZoneId !== undefined && chosen.domainName === undefined,
      'hostedZoneId: only with domainName',
    ],
    [
      certified !== undefined && certified !== region,
      `certificateArn: must be in ${region}, the deployment’s region, not ${certified}`,
    ],
    [chosen.throttleBurst < chosen.throttleRate, 'throttleBurst: must not be less than throttleRate'],
  ]
  return rules.flatMap(([broken, says]) => (broken ? [says] : []))
}

/**
 * The settings of one stage: later layers win, and values may be text, as the command line gives them.
 * SettingsError names every setting that is unknown, does not fit or contradicts another.
 */
export function readSettings(...layers: readonly Readonly<Record<string, unknown>>[]): Settings {
  const merged = layers
    .flatMap((layer) => Object.entries(layer))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, fromText(name, value)] as const)
  const read = settings.safeParse(Object.fromEntries(merged.filter(([name]) => !variables.has(name))))
  const chosen = ofProviders.safeParse(Object.fromEntries(merged.filter(([name]) => variables.has(name))))
  const problems = [
    ...(read.success ? contradictions(read.data) : read.error.issues.map(problem)),
    ...(chosen.success ? [] : chosen.error.issues.map(problem)),
  ]
  if (read.success && chosen.success && problems.length === 0) {
    const values = Object.entries(chosen.data).map(([name, value]) => [variables.get(name) ?? name, value])
    return { ...read.data, ofProviders: Object.fromEntries(values) }
  }
  throw new SettingsError(`These settings need another value:\n  ${problems.join('\n  ')}`)
}

function problem(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return `${issue.path.join('.')}: ${issue.message}`
  const meant = issue.keys.flatMap((key) => nearest(key, settingNames) ?? [])
  const hint = meant.length === 0 ? '' : `. Did you mean ${meant.join(', ')}?`
  return `${issue.keys.join(', ')}: no such setting; there are ${settingNames.join(', ')}${hint}`
}
