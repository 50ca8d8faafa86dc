import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { awsCalls, serviceOf } from '../../../support/aws-calls.ts'
import type { Permission } from './policies.ts'

export interface GateOptions {
  /** What the function at hand may do. */
  readonly permissionsOf: (functionName: string) => readonly Permission[]
  /** Where the emulator of a service listens, by the name in a signature's scope: `dynamodb`, `s3`, … */
  readonly emulators: Readonly<Record<string, string>>
  /**
   * The template's name for a table, bucket, queue or bus of the emulators:
   * `driveway-local-tokens` is `<TokensTable>`.
   */
  readonly logicalName: (name: string) => string
}

export interface AwsGate {
  /** The AWS endpoint for one function. */
  endpointOf(functionName: string): Promise<string>
  /** Calls that the function's role does not allow, as `function: action on resource`; each was refused. */
  readonly refused: readonly string[]
  /** Calls that were let through, in the same form and in their order. */
  readonly calls: readonly string[]
  close(): void
}

/**
 * Stands between functions and AWS emulators and does what IAM does: every call is held against the policies
 * of the template, so that a permission which is missing there fails here as it would on AWS.
 */
export function awsGate(options: GateOptions): AwsGate {
  const servers = new Map<string, Promise<{ server: Server; url: string }>>()
  const refused: string[] = []
  const calls: string[] = []

  const serve = async (functionName: string, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await readAll(req)
    const service = serviceOf({ path: req.url, headers: req.headers })
    const asked = awsCalls({ method: req.method, path: req.url, headers: req.headers }, body)
    const granted = options.permissionsOf(functionName)
    for (const call of asked) {
      const resource =
        service === 'secretsmanager' ? call.resource : renamed(call.resource, options.logicalName)
      const line = `${functionName}: ${call.action} on ${resource}`
      if (granted.some((permission) => permits(permission, call.action, resource))) calls.push(line)
      else {
        refused.push(line)
        return deny(res, service)
      }
    }
    forward(req, res, body, options.emulators[service] ?? '')
  }
  const start = async (functionName: string) => {
    const server = createServer((req, res) => {
      serve(functionName, req, res).catch(() => res.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  return {
    refused,
    calls,
    async endpointOf(functionName) {
      const server = servers.get(functionName) ?? start(functionName)
      servers.set(functionName, server)
      return (await server).url
    },
    close() {
      for (const started of servers.values()) {
        void started.then(({ server }) => {
          server.closeAllConnections()
          server.close()
        })
      }
    },
  }
}

async function readAll(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function renamed(resource: string, logicalName: (name: string) => string): string {
  const [name = '', ...rest] = resource.split('/')
  return [logicalName(name), ...rest].join('/')
}

function permits(permission: Permission, action: string, resource: string): boolean {
  if (permission.action !== action) return false
  const secret = /:secret:(.+)$/.exec(permission.resource)?.[1]
  if (secret !== undefined) {
    return secret.endsWith('*') ? resource.startsWith(secret.slice(0, -1)) : resource === secret
  }
  return (
    permission.resource.replace('.Arn>', '>') === resource ||
    (permission.resource.startsWith('<SecretsSealKey') && resource.endsWith('/seal-key'))
  )
}

function deny(res: ServerResponse, service: string): void {
  if (service === 's3') {
    res.writeHead(403, { 'content-type': 'application/xml' })
    res.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>')
    return
  }
  res.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
  res.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'not authorized' }))
}

function forward(req: IncomingMessage, res: ServerResponse, body: Buffer, emulator: string): void {
  const { hostname, port } = new URL(emulator)
  const sent = request(
    { hostname, port, method: req.method, path: req.url, headers: req.headers },
    (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    },
  )
  sent.once('error', () => res.destroy())
  sent.end(body)
}
