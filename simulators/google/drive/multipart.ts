import { Readable } from 'node:stream'

/** A `multipart/related` upload: metadata read, media still to be streamed. */
export interface RelatedUpload {
  /** the JSON text of the first part */
  metadata: string
  mediaType: string | undefined
  /** the second part's bytes; fails with `MalformedMultipart` when its end delimiter never comes */
  media: Readable
}

/** The body does not follow the multipart framing. */
export class MalformedMultipart extends Error {}

const MOST_METADATA = 1024 * 1024
const CRLF = Buffer.from('\r\n')

/**
 * Reads up to the media part and streams that. Framing as in
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
 */
export async function openRelated(body: Readable, contentType: string): Promise<RelatedUpload> {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/i
    .exec(contentType)
    ?.slice(1)
    .find((part) => part !== undefined)
  if (boundary === undefined) throw new MalformedMultipart()
  const source = body.iterator({ destroyOnReturn: false })
  // The first delimiter has no line before it; with one put in front all of them look alike.
  const reader: Reader = { source, buffer: Buffer.from(CRLF), delimiter: Buffer.from(`\r\n--${boundary}`) }
  await readUntil(reader, reader.delimiter)
  await readHeaders(reader)
  const metadata = (await readUntil(reader, reader.delimiter)).toString('utf8')
  const headers = await readHeaders(reader)
  const encoded = /^base64$/i.test(headers.get('content-transfer-encoding') ?? '')
  const raw = streamUntil(reader)
  return {
    metadata,
    mediaType: headers.get('content-type'),
    media: Readable.from(encoded ? decode(raw) : raw),
  }
}

interface Reader {
  source: AsyncIterator<Buffer>
  buffer: Buffer
  delimiter: Buffer
}

async function more(reader: Reader): Promise<void> {
  const { value, done } = await reader.source.next()
  if (done === true) throw new MalformedMultipart()
  reader.buffer = reader.buffer.length === 0 ? value : Buffer.concat([reader.buffer, value])
}

async function readUntil(reader: Reader, mark: Buffer): Promise<Buffer> {
  for (;;) {
    const at = reader.buffer.indexOf(mark)
    if (at !== -1) {
      const before = reader.buffer.subarray(0, at)
      reader.buffer = reader.buffer.subarray(at + mark.length)
      return before
    }
    if (reader.buffer.length > MOST_METADATA) throw new MalformedMultipart()
    await more(reader)
  }
}

async function readHeaders(reader: Reader): Promise<Map<string, string>> {
  const line = (await readUntil(reader, CRLF)).toString('latin1')
  if (line.trim() !== '') throw new MalformedMultipart()
  const headers = new Map<string, string>()
  for (;;) {
    const header = (await readUntil(reader, CRLF)).toString('latin1')
    if (header === '') return headers
    const colon = header.indexOf(':')
    if (colon === -1) throw new MalformedMultipart()
    headers.set(header.slice(0, colon).trim().toLowerCase(), header.slice(colon + 1).trim())
  }
}

// Holds back only what could be the beginning of the delimiter; the rest goes through as it comes.
async function* streamUntil(reader: Reader): AsyncGenerator<Buffer> {
  const { delimiter } = reader
  for (;;) {
    const at = reader.buffer.indexOf(delimiter)
    if (at !== -1) {
      if (at > 0) yield reader.buffer.subarray(0, at)
      return
    }
    const safe = reader.buffer.length - delimiter.length + 1
    if (safe > 0) {
      yield reader.buffer.subarray(0, safe)
      reader.buffer = reader.buffer.subarray(safe)
    }
    await more(reader)
  }
}

async function* decode(source: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let rest = ''
  for await (const chunk of source) {
    const text = rest + chunk.toString('latin1').replaceAll(/\s/g, '')
    const whole = text.length - (text.length % 4)
    rest = text.slice(whole)
    yield Buffer.from(text.slice(0, whole), 'base64')
  }
  yield Buffer.from(rest, 'base64')
}
