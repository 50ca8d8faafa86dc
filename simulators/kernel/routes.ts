import type { Exchange } from './exchange.ts'

/** One endpoint: a method, a path with `:name` segments (or a RegExp on the path), and what answers it. */
export interface RouteDefinition {
  method: string
  path: RegExp | string
  handler(x: Exchange): Promise<void> | void
}

export type Router = (
  method: string,
  path: string,
) => { route: RouteDefinition; params: Record<string, string> } | undefined

/** The first route that fits, in the order given. A `:name` matches one segment. */
export function createRouter(routes: RouteDefinition[]): Router {
  const compiled = routes.map((route) => ({
    route,
    pattern: typeof route.path === 'string' ? compile(route.path) : route.path,
  }))
  return (method, path) => {
    for (const { route, pattern } of compiled) {
      const match = route.method === method ? pattern.exec(path) : null
      if (match !== null) {
        const groups = Object.entries(match.groups ?? {}).map(([name, value]) => [
          name,
          decodeURIComponent(value ?? ''),
        ])
        return { route, params: Object.fromEntries(groups) }
      }
    }
    return undefined
  }
}

function compile(path: string): RegExp {
  const pattern = path
    .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')
  return new RegExp(`^${pattern}$`)
}
