import type { FunctionName, OtherFunctionName, RouteFunctionName } from '../lib/contract/routes.ts'
import { pageRoutes } from '../lib/contract/page-routes.ts'
import type { DeployedRoute } from '../lib/contract/routes.ts'
import { routeList, servedRoutes } from '../lib/contract/routes.ts'

/** The file of a bundle that Lambda loads, and the handler setting that names it. */
export const entryFile = 'index.mjs'
export const handlerSetting = 'index.handler'

/** What a function is deployed as. */
export interface FunctionPlan {
  /** The construct id, and with it the logical id. */
  readonly id: string
  readonly description: string
  readonly timeoutSeconds: number
  readonly memoryMiB: number
  /** The setting that says how much of the account's concurrency is its own, and no more than that. */
  readonly concurrency?: 'downloadConcurrency' | 'authorizerConcurrency'
}

/**
 * Memory buys CPU, and is paid for while a drive is waited for. 512 MiB is 0.29 of a core: by the CPU times
 * measured here a start takes some 75 ms longer than at twice that, and a put of 100 KB some 20.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 */
const httpMemoryMiB = 512
/** Just under API Gateway's 29 s, so that the function still says itself what went wrong. */
const httpTimeoutSeconds = 28
/**
 * As long as API Gateway streams.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming.html
 */
const streamingTimeoutSeconds = 900

function constructId(name: string): string {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function plan(
  name: RouteFunctionName,
  rest: Omit<FunctionPlan, 'id'>,
): readonly [RouteFunctionName, FunctionPlan] {
  return [name, { id: constructId(name), ...rest }]
}

const allRoutes: readonly DeployedRoute[] = [...routeList, ...Object.values(pageRoutes)]
const behindRoutes = allRoutes.map((route) =>
  plan(route.functionName, {
    description: `${route.methods.join(', ')} ${route.path}`,
    timeoutSeconds: route.streaming === true ? streamingTimeoutSeconds : httpTimeoutSeconds,
    memoryMiB: httpMemoryMiB,
    // At a reader's pace: without a ceiling slow readers would leave
    // no room for anything else of the account.
    ...(route.streaming === true ? { concurrency: 'downloadConcurrency' as const } : {}),
  }),
)

const others = {
  'authorize-request': {
    id: 'AuthorizeRequest',
    description: 'Verifies the caller’s token for the API.',
    timeoutSeconds: 10,
    memoryMiB: 512,
    concurrency: 'authorizerConcurrency',
  },
  'sort-intake': {
    id: 'SortIntake',
    description: 'Sorts what arrived in the intake bucket into two lanes, so that nobody waits for another.',
    timeoutSeconds: 30,
    memoryMiB: 512,
  },
  'ingest-object': {
    id: 'IngestObject',
    description: 'Transfers an object of the intake bucket to its drive.',
    // A transfer that needs longer goes on where it stopped with the next delivery.
    timeoutSeconds: 900,
    memoryMiB: 1_024,
  },
  'sweep-transfers': {
    id: 'SweepTransfers',
    description: 'Every 5 minutes: takes up transfers that were left lying.',
    timeoutSeconds: 240,
    memoryMiB: 512,
  },
  tell: {
    id: 'Tell',
    description: 'Tells the event bus what the rows of connections say has happened.',
    timeoutSeconds: 60,
    memoryMiB: 512,
  },
  'deliver-webhook': {
    id: 'DeliverWebhook',
    description: 'Sends events to the app’s webhooks.',
    timeoutSeconds: 30,
    memoryMiB: 512,
  },
  'keep-alive': {
    id: 'KeepAlive',
    description: 'Hourly: uses grants that would die of disuse.',
    timeoutSeconds: 900,
    memoryMiB: 512,
  },
  'erase-users': {
    id: 'EraseUsers',
    description: 'Every 5 minutes: goes on with the erasure of users.',
    timeoutSeconds: 900,
    memoryMiB: 512,
  },
  'follow-drives': {
    id: 'FollowDrives',
    description: 'Every minute: tells what users have done in their drives.',
    // What is left is due with the next run, so two of them seldom meet.
    timeoutSeconds: 75,
    memoryMiB: 512,
  },
  'pack-grants': {
    id: 'PackGrants',
    description: 'Hourly: moves grants into shared secrets, and takes away what does not stand any more.',
    timeoutSeconds: 900,
    memoryMiB: 512,
  },
} as const satisfies Record<OtherFunctionName, FunctionPlan>

/** Every function that a deployment may have: one for each route, and those that no client calls. */
export const functionPlans: Readonly<Record<FunctionName, FunctionPlan>> = {
  ...(Object.fromEntries(behindRoutes) as Record<RouteFunctionName, FunctionPlan>),
  ...others,
}

/** The functions of this deployment that a client waits for. */
export const httpFunctionNames: readonly RouteFunctionName[] = servedRoutes.map((route) => route.functionName)

/** Every function of this deployment. */
export const functionNames: readonly FunctionName[] = [
  ...httpFunctionNames,
  ...(Object.keys(others) as OtherFunctionName[]),
]
