import { connectionRoutes } from './connection-routes.ts'
import { documentRoutes } from './document-routes.ts'
import { pageRoutes } from './page-routes.ts'
import { aboutOf, providerIds } from '../providers/registry.ts'
import type { Route } from './route.ts'
import { userRoutes } from './user-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'
import { plain } from './route-parts.ts'
import { userHeader } from './scopes.ts'

/** Every route of the HTTP contract. */
export const routes = {
  ...connectionRoutes,
  ...documentRoutes,
  ...userRoutes,
  ...webhookRoutes,
  getOpenapi: {
    ...plain,
    operation: 'getOpenapi',
    functionName: 'get-openapi',
    methods: ['GET'],
    path: '/v1/openapi.json',
    access: 'public',
    summary: 'This document.',
    answers: [{ status: 200, description: 'OpenAPI 3.1.', mediaType: 'application/json' }],
    errors: ['invalid_request', 'internal_error'],
  },
} as const satisfies Record<string, Route>

/** The functions that answer a route or show a page. */
export type RouteFunctionName =
  | (typeof routes)[keyof typeof routes]['functionName']
  | (typeof pageRoutes)[keyof typeof pageRoutes]['functionName']

/** Those that no client calls. */
export type OtherFunctionName =
  | 'authorize-request'
  | 'sort-intake'
  | 'ingest-object'
  | 'sweep-transfers'
  | 'tell'
  | 'deliver-webhook'
  | 'keep-alive'
  | 'pack-grants'
  | 'erase-users'
  | 'follow-drives'

/** Every function of a deployment: the files in `functions/`, without their ending. */
export type FunctionName = RouteFunctionName | OtherFunctionName

/** A route whose function is one of the deployment's. */
export type DeployedRoute = Route & { readonly functionName: RouteFunctionName }

export const routeList: readonly DeployedRoute[] = Object.values(routes)

/** What a browser may send to any of them. */
export const requestHeaders: readonly string[] = [
  ...new Set([
    'authorization',
    'content-type',
    userHeader,
    ...routeList.flatMap((route) => Object.keys(route.headers ?? {})),
  ]),
]

/** What a deployment serves: the routes, and the pages that one of its providers needs. */
export const servedRoutes: readonly DeployedRoute[] = [
  ...routeList,
  ...Object.values(pageRoutes).filter(() => providerIds.some((id) => aboutOf(id).grant.kind === 'password')),
]
