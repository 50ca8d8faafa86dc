import { Readable } from 'node:stream'
import { ServiceError } from '../../lib/errors.ts'
import { exactly, sourceFailure } from '../../lib/net/exactly.ts'
import type { HttpRequest, HttpResponse } from '../../lib/net/http-client.ts'
import { networkFailure, sizeOf, unreachable } from '../../lib/net/http-client.ts'
import type { FaultAction } from '../../simulators/kernel/faults.ts'
import type { Buckets } from './buckets.ts'
import type { Clouds } from './drives.ts'
import { cloudOf } from './drives.ts'
import type { WireAnswer } from './in-process.ts'
import type { Network } from './network.ts'
import { LostError } from './network.ts'
import { refusals } from './refusals.ts'
import { askStorage, storageHost } from './storage-wire.ts'
import type { Process } from './process.ts'
import { sha256 } from './ledger.ts'

/** How long a file's hash may keep coming, milliseconds. */
const hashAfterMs = 90_000

/** What `sendRequest` is to a process of this world: the same promises, over the world's network. */
export function sendIn(
  network: Network,
  clouds: Clouds & { readonly buckets: Buckets },
  process: () => Process,
) {
  return async (request: HttpRequest): Promise<HttpResponse> => {
    const { signal, body, method, url } = request
    if (signal?.aborted) throw abandoned(signal.reason, false)
    const caller = process()
    const isUpload = body !== undefined && carriesContent(method, url)
    const { bytes, failure } = await gathered(request)
    if (failure && !(isUpload && network.happens(caller, 'brokenBody'))) throw failure
    if (signal?.aborted) throw abandoned(signal.reason, false)
    const ask = async () =>
      isStorage(url)
        ? await askStorage(clouds.buckets, wire, network.world.now)
        : await clouds.ask(wire, fault)
    if (sessionUrl.test(url) && network.happens(caller, 'deadSession')) {
      network.world.tell(`All upload sessions of ${cloudOf(url)} end`)
      clouds[cloudOf(url)].definition.control.expireSessions()
    }
    const fault = faultFor(network, caller, { method, url, isUpload, size: bytes.length })
    const label = `${method} ${shortened(url)}${fault ? ` (${nameOf(fault)})` : ''}`
    if (fault) network.world.tell(`${caller.name} ${label}`)
    const wire = {
      method,
      url,
      headers: { ...request.headers, 'content-length': String(body === undefined ? 0 : sizeOf(body)) },
      body: bytes,
      ...(failure ? { brokenAfter: bytes.length } : {}),
    }
    const renamed = method === 'PATCH' ? /\.com\/drive\/v3\/files\/([^?]+)/.exec(url)?.[1] : undefined
    if (renamed !== undefined) network.renamed.set(renamed, network.world.now)
    const sent = network.call(caller, label, ask)
    if (isUpload) caller.sent.set(sha256(bytes), bytes)
    const answer = await orAborted(sent, signal).catch((error: unknown) => {
      if (fault?.type === 'corrupt') network.unheard.set(sha256(bytes), bytes)
      throw error
    })
    if (failure) throw failure
    if (answer === undefined)
      throw networkFailure(Object.assign(new Error('reset'), { code: 'ECONNRESET' }), true)
    return responseOf(withoutHash(network, clouds, answer))
  }
}

function abandoned(reason: unknown, ambiguous: boolean): ServiceError {
  if (reason instanceof ServiceError) return reason
  return unreachable('The call was given up before the provider answered.', ambiguous, reason)
}

async function gathered({ body }: HttpRequest): Promise<{ bytes: Buffer; failure?: ServiceError }> {
  if (body === undefined) return { bytes: Buffer.alloc(0) }
  if (body instanceof Uint8Array) return { bytes: Buffer.from(body) }
  const chunks: Buffer[] = []
  try {
    for await (const chunk of exactly(body)) {
      chunks.push(Buffer.from(chunk))
      body.spent?.(chunk)
    }
    return { bytes: Buffer.concat(chunks) }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), failure: sourceFailure(error) }
  }
}

async function orAborted<T>(sent: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const ended = Promise.withResolvers<never>()
  const abort = (): void => ended.reject(abandoned(signal?.reason, true))
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([sent, ended.promise])
  } catch (error) {
    if (!(error instanceof LostError)) throw error
    throw unreachable('The provider did not answer in time.', true, error)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

const isStorage = (url: string): boolean => new URL(url).host === storageHost
const sessionUrl = /upload_id=|\/uploadSession\b|\/upload_session\//
const carriesContent = (method: string, url: string): boolean =>
  method !== 'GET' &&
  (url.includes('/upload/') ||
    /\/content$|\/files\/upload$/.test(url) ||
    sessionUrl.test(url) ||
    isStorage(url))
const isToken = (url: string): boolean => new URL(url).pathname.endsWith('/token')

/** What happens to a request at the drive; most of the time nothing. */
function faultFor(
  network: Network,
  process: Process,
  { method, url, isUpload, size }: { method: string; url: string; isUpload: boolean; size: number },
): FaultAction | undefined {
  const happens = (kind: Parameters<Network['happens']>[1]): boolean => network.happens(process, kind)
  const below = (count: number): number => Math.floor(process.chance() * count)
  if ((network.outages.get(cloudOf(url)) ?? 0) > network.world.now) return { type: 'status', status: 503 }
  if (isStorage(url)) return undefined
  if (happens('refused')) return refusals(cloudOf(url))[below(9)]
  if (isToken(url)) return undefined
  if (happens('unauthorized')) return { type: 'status', status: 401 }
  if (isUpload && size > 0 && happens('damage')) return { type: 'corrupt' }
  if (!happens('brokenBody')) return undefined
  if (isUpload && size > 0) {
    const bytes = below(size)
    return below(2) === 0 ? { type: 'partial', bytes } : { type: 'reset', afterBytes: bytes }
  }
  return method === 'GET' ? { type: 'truncate', afterBytes: below(40) } : { type: 'commit-then-reset' }
}

const nameOf = (fault: FaultAction): string =>
  fault.type === 'status' ? `${String(fault.status)} ${fault.reason ?? ''}`.trim() : fault.type

function shortened(url: string): string {
  const { host, pathname, searchParams } = new URL(url)
  const session = searchParams.has('upload_id') ? '?session' : ''
  return `${host.split('.')[0] ?? ''}${pathname.slice(0, 60)}${session}`
}

/** The answer without the hash of a file whose content has not been there for long, for some files. */
function withoutHash({ weather, world }: Network, clouds: Clouds, answer: WireAnswer): WireAnswer {
  const type = answer.headers['content-type'] ?? ''
  if (weather.lateHash === 0 || !type.startsWith('application/json') || answer.isBroken) return answer
  if (!answer.body.includes('quickXorHash')) return answer
  const item = JSON.parse(answer.body.toString()) as {
    id: string
    cTag?: string
    file?: { hashes?: unknown }
  }
  const isLate = world.dice(`hash ${item.cTag ?? ''}`)() < weather.lateHash
  const writtenAt = clouds.microsoft.context.tables.items.get(item.id)?.modifiedAt ?? 0
  if (!isLate || !item.file?.hashes || world.now - writtenAt > hashAfterMs) return answer
  delete item.file.hashes
  const body = Buffer.from(JSON.stringify(item))
  return { ...answer, body, headers: { ...answer.headers, 'content-length': String(body.length) } }
}

function responseOf({ status, headers, body, isBroken }: WireAnswer): HttpResponse {
  const stream = isBroken
    ? Readable.from(breaking(body), { objectMode: false })
    : Readable.from(body.length === 0 ? [] : [body], { objectMode: false })
  stream.on('error', () => undefined)
  return { status, headers, body: stream }
}

// oxlint-disable-next-line typescript/require-await -- a stream that breaks off is made of an async generator
async function* breaking(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body
  throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
}
