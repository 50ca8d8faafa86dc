import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that listens on 127.0.0.1: its base URL, its port, and how to end it. */
export interface RunningServer {
  readonly endpoint: string
  readonly port: number
  /** Stops listening, drops open connections and closes what the server holds. */
  close(): Promise<void>
}

/** A port that another process holds; the message is the one line that a user sees. */
class PortTakenError extends Error {
  override readonly name = 'PortTakenError'

  constructor(service: string, port: number) {
    super(`port ${port} (${service}) is taken: end what listens there, or move the stack with DRIVEWAY_PORT`)
  }
}

const isAddressInfo = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null

/**
 * Listens on 127.0.0.1. Port 0 takes a free one.
 * @throws PortTakenError naming the service and the port when it is in use.
 */
export const listen = (server: Server, port: number, service: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(service, port) : error)
    }
    server.once('error', failed)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed)
      const address = server.address()
      if (isAddressInfo(address)) resolve(address.port)
      else reject(new Error(`${service} has no TCP address`))
    })
  })

/** Ends a server at once: no new connections, open ones dropped. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const ownName = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i

/**
 * The status for a request that is not looked at: 421 for a name that is not this machine's, under which
 * a page of somebody else's could have this address (DNS rebinding); 400 for an address that is none.
 */
export const refusalOf = ({ headers, url = '/' }: IncomingMessage): 400 | 421 | undefined => {
  if (!ownName.test(headers.host ?? '')) return 421
  return URL.canParse(url, 'http://local') ? undefined : 400
}

/** Answers a request that is not looked at. */
export const refuse = (response: ServerResponse, status: number): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  response.end(status === 421 ? 'Only 127.0.0.1 and localhost are answered here.\n' : 'No such address.\n')
}

/**
 * Starts an HTTP server on 127.0.0.1 without the time limits that would cut a long upload or a long poll.
 * `onClose` runs after the last connection is gone.
 */
export const startServer = async (
  service: string,
  port: number,
  listener: RequestListener,
  onClose: () => Promise<void> | void,
): Promise<RunningServer> => {
  // Longer than the SDK keeps an idle connection, so that the server
  // never closes one that is about to be used.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000 }, (request, response) => {
    const refusal = refusalOf(request)
    if (refusal === undefined) listener(request, response)
    else refuse(response, refusal)
  })
  const boundPort = await listen(server, port, service)
  let closing: Promise<void> | undefined
  return {
    endpoint: `http://127.0.0.1:${boundPort}`,
    port: boundPort,
    close: () => {
      closing ??= closeServer(server).then(onClose)
      return closing
    },
  }
}
