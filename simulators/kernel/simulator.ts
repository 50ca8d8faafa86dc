import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdjustableClock } from './clock.ts'
import type { ProviderControl } from './control.ts'
import { controlRoutes } from './control.ts'
import type { Exchange, Headers } from './exchange.ts'
import type { ContentPlace } from './request-body.ts'
import { createExchange, Refusal } from './exchange.ts'
import type { FaultAction, Faults } from './faults.ts'
import { GARBAGE, openFaults } from './faults.ts'
import { openLatency } from './latency.ts'
import type { Random } from './random.ts'
import { openRequestLog } from './request-log.ts'
import { refusalOf } from './refusal.ts'
import type { RouteDefinition, Router } from './routes.ts'
import { createRouter } from './routes.ts'

/** What makes one provider out of the kernel. */
export interface SimulatorDefinition {
  /** its id, for what it says of itself */
  name: string
  /** the provider's own domains, under which a proxy may have it */
  domains: readonly string[]
  /** the names under which its clients look for it, for a proxy that stands in for them */
  hosts: readonly string[]
  routes: RouteDefinition[]
  /**
   * the provider's own body for a status that a fault asks for, or that the kernel answers itself (500)
   */
  errorBody(status: number, reason: string | undefined, x: Exchange): { body: unknown; headers?: Headers }
  control: ProviderControl
  /** the session a request sends a fragment to, if it does (a status query does not); default: none */
  fragmentOf?(req: IncomingMessage, url: URL): string | undefined
  /** where a request carries file content, for `corrupt`; default: the whole body of a PUT */
  contentIn?(req: IncomingMessage, url: URL): ContentPlace
  /** whether slashes that follow each other in a path count as one */
  foldsSlashes?: boolean
  close?(): Promise<void> | void
}

export interface SimulatorOptions {
  port: number
  host?: string | undefined
  clock: AdjustableClock
  random: Random
}

export interface RunningSimulator {
  origin: string
  port: number
  hosts: readonly string[]
  close(): Promise<void>
}

/** A provider that listens nowhere: requests are handed to it by whoever opened it. */
export interface OpenedSimulator {
  /** Resolves when the request has its answer; rejects when the socket broke while answering. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** The armed faults, for the next requests. */
  faults: Faults
}

/**
 * Opens a provider: its routes, and the control API under `/_sim/`. Faults
 * and latency apply to every request but those to the control API.
 */
export function openSimulator(
  def: SimulatorDefinition,
  { clock, random }: Pick<SimulatorOptions, 'clock' | 'random'>,
): OpenedSimulator {
  const faults = openFaults()
  const latency = openLatency()
  const unhurried = openLatency()
  const log = openRequestLog()
  const route = createRouter(def.routes)
  const controlRoute = createRouter(controlRoutes({ control: def.control, clock, faults, latency, log }))
  const fragments = new Map<string, number>()
  const now = (): string => new Date(clock.now()).toISOString()

  const nextFragment = (req: IncomingMessage, url: URL): number | undefined => {
    const session = def.fragmentOf?.(req, url)
    if (session === undefined) return undefined
    const count = (fragments.get(session) ?? 0) + 1
    fragments.set(session, count)
    return count
  }

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = req.url ?? '/'
    const refusal = refusalOf(req, def.domains)
    if (refusal !== undefined) {
      res.writeHead(refusal, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
      res.end(`${STATUS_CODES[refusal] ?? ''}\n`)
      return
    }
    const url = new URL(
      def.foldsSlashes === true ? path.replaceAll(/(?<!\?.*)\/{2,}/g, '/') : path,
      'http://simulator',
    )
    const method = req.method ?? 'GET'
    if (url.pathname.startsWith('/_sim/')) {
      const entry = openRequestLog().begin({ method, path, authorization: false, startedAt: now() })
      const x = createExchange({
        req,
        res,
        url,
        fault: undefined,
        contentIn: 'none',
        latency: unhurried,
        random,
        entry,
      })
      await dispatch(controlRoute, x, (y) => y.json(404, { error: 'no such control endpoint' }))
      return
    }
    const authorization = req.headers.authorization !== undefined
    const entry = log.begin({ method, path, authorization, startedAt: now() })
    const fault = faults.take(method, path, nextFragment(req, url))
    const contentIn = def.contentIn?.(req, url) ?? (method === 'PUT' ? 'body' : 'none')
    const x = createExchange({ req, res, url, fault, contentIn, latency, random, entry })
    res.once('close', () => {
      entry.status ??= 0
      entry.endedAt = now()
    })
    await latency.wait()
    if (fault !== undefined && (await instead(def, fault, x))) return
    await dispatch(route, x, notSimulated)
  }

  const dispatch = async (
    to: Router,
    x: Exchange,
    otherwise: (x: Exchange) => Promise<void>,
  ): Promise<void> => {
    try {
      const hit = to(x.method, x.url.pathname)
      if (hit === undefined) {
        await otherwise(x)
        return
      }
      x.params = hit.params
      await hit.route.handler(x)
    } catch (error) {
      if (error instanceof Refusal) {
        if (typeof error.body === 'string') await x.text(error.status, error.body, error.headers)
        else await x.json(error.status, error.body, error.headers)
        return
      }
      // A full disk has its line from whoever started this. Else a bug of the simulator itself: said aloud,
      // with the stack and never the request.
      if (!x.broken && !/ENOSPC|disk is full/.test(String(error)))
        console.error(`${def.name} simulator: ${error instanceof Error ? error.stack : String(error)}`)
      await fail(def, x, 500)
    }
  }

  return { handle, faults }
}

/** Starts a provider on one origin. */
export async function startSimulator(
  def: SimulatorDefinition,
  options: SimulatorOptions,
): Promise<RunningSimulator> {
  const { port, host = '127.0.0.1' } = options
  const simulator = openSimulator(def, options)
  const server = createServer(
    { highWaterMark: 256 * 1024, keepAliveTimeout: 65_000, requestTimeout: 0 },
    (req, res) => {
      // Every path above ends in an answer or a dead socket; what is
      // left is a socket that broke while answering.
      simulator.handle(req, res).catch(() => req.socket.destroy())
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return {
    origin: `http://${host}:${address.port}`,
    port: address.port,
    hosts: def.hosts,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await def.close?.()
    },
  }
}

/** The provider may well have it, so the answer is not one that the provider would give. */
function notSimulated(x: Exchange): Promise<void> {
  return x.json(501, {
    error: { code: 'notSimulated', message: `not simulated: ${x.method} ${x.url.pathname}` },
  })
}

/** Faults that stand in front of the work. @returns whether the request is done with */
async function instead(def: SimulatorDefinition, fault: FaultAction, x: Exchange): Promise<boolean> {
  switch (fault.type) {
    case 'delay':
      await sleep(fault.ms)
      return false
    case 'status':
      await fail(def, x, fault.status, fault.reason, fault.headers)
      return true
    case 'garbage':
      await x.send(fault.status ?? 502, { 'content-type': 'text/html; charset=UTF-8' }, Buffer.from(GARBAGE))
      return true
    case 'reset':
      // Without bytes to wait for, the connection goes at once and nothing is done.
      if ((fault.afterBytes ?? 0) > 0 && hasBody(x.req)) return false
      x.req.socket.resetAndDestroy()
      return true
    case 'commit-then-reset':
    case 'partial':
    case 'truncate':
    case 'corrupt':
    case 'rewrite':
      return false
    default:
      return fault satisfies never
  }
}

function hasBody(req: IncomingMessage): boolean {
  return Number(req.headers['content-length'] ?? 0) > 0 || req.headers['transfer-encoding'] !== undefined
}

async function fail(
  def: SimulatorDefinition,
  x: Exchange,
  status: number,
  reason?: string,
  headers?: Headers,
): Promise<void> {
  const { body, headers: own } = def.errorBody(status, reason, x)
  await (typeof body === 'string'
    ? x.text(status, body, { ...own, ...headers })
    : x.json(status, body, { ...own, ...headers }))
}
