import { answerError, DrivewayError, isDrivewayError } from './errors.ts'
import type { Api } from './request.ts'
import type { Transport, UploadSource } from './transport.ts'

/** An upload in parts that is open, as the API tells of it. */
export interface OpenUpload {
  readonly uploadId: string
  readonly partSize: number
  readonly partCount: number
  /** The numbers that have arrived. */
  readonly stored: readonly number[]
  /** URLs that were signed already. */
  readonly signed?: readonly SignedPart[]
}

interface SignedPart {
  readonly number: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export type SliceableSource = UploadSource & Required<Pick<UploadSource, 'slice'>>

export const isSliceable = (source: UploadSource): source is SliceableSource => source.slice !== undefined

export interface PartsSender {
  readonly api: Api
  readonly transport: Transport
  readonly documentId: string
  readonly source: SliceableSource
  readonly signal: AbortSignal | undefined
  /** Bytes that have left, those of an earlier run too. */
  readonly onSent: (bytes: number) => void
}

/** The upload of a document that was left open, if it was of these very bytes. */
export async function findUpload(
  api: Api,
  documentId: string,
  known: {
    readonly size: number
    readonly sha256: string | undefined
    readonly uploadId: string | undefined
  },
  signal: AbortSignal | undefined,
): Promise<OpenUpload | undefined> {
  try {
    const { upload } = await api.call('getUpload', { path: { documentId } }, { signal })
    const isSame =
      known.sha256 === undefined ? upload.uploadId === known.uploadId : upload.sha256 === known.sha256
    if (upload.size !== known.size || !isSame) return undefined
    return { ...upload, stored: upload.stored.map(({ number }) => number) }
  } catch (error) {
    if (isDrivewayError(error, 'upload_not_found')) return undefined
    throw error
  }
}

const atOnce = 4
const signedAtOnce = 20
const partAttempts = 6
const mostRounds = 3

/** Sends the parts that have not arrived, side by side, and completes the upload. */
export async function sendParts(sender: PartsSender, upload: OpenUpload): Promise<void> {
  const { api, documentId, signal } = sender
  const path = { documentId }
  const { uploadId } = upload
  let stored = new Set(upload.stored)
  let signed = upload.signed ?? []
  for (let round = 1; ; round += 1) {
    await sendMissing(sender, { ...upload, signed, stored: [...stored] })
    try {
      await api.call('completeUpload', { path, body: { uploadId } }, { signal })
      return
    } catch (error) {
      if (!isDrivewayError(error, 'upload_incomplete') || round >= mostRounds) throw error
      const open = await api.call('getUpload', { path }, { signal })
      stored = new Set(open.upload.stored.map(({ number }) => number))
      signed = []
    }
  }
}

async function sendMissing(sender: PartsSender, upload: OpenUpload): Promise<void> {
  const { source, signal } = sender
  const sizeOf = (number: number) => Math.min(upload.partSize, source.size - (number - 1) * upload.partSize)
  const sent = new Map(upload.stored.map((number) => [number, sizeOf(number)]))
  const note = (number: number, bytes: number): void => {
    sent.set(number, bytes)
    sender.onSent([...sent.values()].reduce((sum, each) => sum + each, 0))
  }
  const missing = Array.from({ length: upload.partCount }, (_, index) => index + 1).filter(
    (number) => !sent.has(number),
  )
  const ticketOf = tickets(sender, upload, missing)
  const queue = missing.values()
  // The first part that fails for good ends the others.
  const failed = new AbortController()
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const work = async (): Promise<void> => {
    for (const number of queue) {
      const start = (number - 1) * upload.partSize
      const part = source.slice(start, start + sizeOf(number))
      await sendPart(sender, part, {
        number,
        ticketOf,
        signal: either,
        onSent: (bytes) => note(number, bytes),
      })
    }
  }
  note(0, 0)
  await Promise.all(
    Array.from({ length: atOnce }, () =>
      work().catch((error: unknown) => {
        failed.abort(error)
        throw error
      }),
    ),
  )
}

type TicketOf = (number: number, isRefused: boolean) => Promise<SignedPart>

async function sendPart(
  { api, transport }: PartsSender,
  source: UploadSource,
  {
    number,
    ticketOf,
    ...request
  }: {
    readonly number: number
    readonly ticketOf: TicketOf
    readonly signal: AbortSignal
    readonly onSent: (bytes: number) => void
  },
): Promise<void> {
  let isRefused = false
  for (let tries = 1; ; tries += 1) {
    try {
      const { url, headers } = await ticketOf(number, isRefused)
      const answer = await transport.put(url, { ...request, headers, source })
      if (answer.status >= 200 && answer.status < 300) return
      throw answerError(answer.status, answer.headers, answer.text)
    } catch (error) {
      request.signal.throwIfAborted()
      if (!isDrivewayError(error, 'network_error', 'unexpected_answer') || tries >= partAttempts) throw error
      // A URL ends after an hour, and is signed anew; the bucket knows nothing of an upload that is over.
      isRefused = error.status === 403
      if (error.status === 404)
        throw new DrivewayError('upload_not_found', 'The upload was ended meanwhile.', { cause: error })
      if (error.status !== undefined && error.status < 500 && !isRefused) throw error
      request.onSent(0)
      await api.settings.retry.wait(500 * 2 ** (tries - 1), request.signal)
    }
  }
}

/** Signs as many parts at once as are soon sent, and one again that was refused. */
function tickets(
  { api, documentId, signal }: PartsSender,
  { uploadId, signed = [] }: OpenUpload,
  missing: readonly number[],
): TicketOf {
  const known = new Map(signed.map((part) => [part.number, Promise.resolve(part)]))
  return (number, isRefused) => {
    const found = isRefused ? undefined : known.get(number)
    if (found) return found
    const numbers = isRefused
      ? [number]
      : missing.filter((one) => one >= number && !known.has(one)).slice(0, signedAtOnce)
    const asked = api.call('signParts', { path: { documentId }, body: { uploadId, numbers } }, { signal })
    for (const one of numbers) {
      const part = asked.then(({ parts }) => {
        const ticket = parts.find((each) => each.number === one)
        if (ticket === undefined) throw new DrivewayError('unexpected_answer', 'A part was not signed.')
        return ticket
      })
      // Whoever sends it hears of a failure; the others ask again.
      part.catch(() => known.delete(one))
      known.set(one, part)
    }
    return (
      known.get(number) ?? Promise.reject(new DrivewayError('unexpected_answer', 'A part was not signed.'))
    )
  }
}
