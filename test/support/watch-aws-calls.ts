import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import { functionAtWork } from '../../local/gateway/invoker.ts'
import type { AwsCall } from './aws-calls.ts'
import { awsCalls } from './aws-calls.ts'

/** Tells `note` what functions of this process ask of AWS, as `function action resource`. */
export function watchAwsCalls(note: (call: string) => void): void {
  subscribe('http.client.request.created', (message) => {
    const functionName = functionAtWork.getStore()
    if (functionName === undefined) return
    watch((message as { request: ClientRequest }).request, ({ action, resource }) =>
      note(`${functionName} ${action} ${resource}`),
    )
  })
}

function watch(request: ClientRequest, note: (call: AwsCall) => void): void {
  const chunks: Buffer[] = []
  const keep = (chunk: unknown): void => {
    // Content on its way to S3 is not looked at.
    if (!/x-amz-json/.test(String(request.getHeader('content-type')))) return
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
  }
  const { write, end } = request
  request.write = (...given: unknown[]) => {
    keep(given[0])
    return Reflect.apply(write, request, given) as boolean
  }
  request.end = (...given: unknown[]) => {
    keep(given[0])
    const { method, path } = request
    awsCalls({ method, path, headers: request.getHeaders() }, Buffer.concat(chunks)).forEach(note)
    return Reflect.apply(end, request, given) as ClientRequest
  }
}

/** Set for the processes of a local stack, which load this file before anything else. */
const file = process.env['AWS_CALLS_FILE']
if (file !== undefined) {
  const seen = new Set<string>()
  watchAwsCalls((call) => {
    if (!seen.has(call)) appendFileSync(file, `${call}\n`)
    seen.add(call)
  })
}
