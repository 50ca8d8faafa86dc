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
const LF = Buffer.from('\n')

/**
 * Reads up to the media part and streams that. Framing as in
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
 * Lines end with CRLF, or with LF alone, as in the bodies of Google's own Python client:
 * https://github.com/googleapis/google-api-python-client/blob/main/googleapiclient/discovery.py
 */
export async function openRelated(body: Readable, contentType: string): Promise<RelatedUpload> {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/i
    .exec(contentType)
    ?.slice(1)
    .find((part) => part !== undefined)
  if (boundary === undefined) throw new MalformedMultipart()
  const source = body.iterator({ destroyOnReturn: false })
  const reader: Reader = { source, buffer: Buffer.alloc(0), delimiter: Buffer.from(`--${boundary}`) }
  await readUntil(reader, reader.delimiter)
  // How the first delimiter's line ends is how the line before each of the others does.
  const end = await readLine(reader)
  reader.delimiter = Buffer.from(`${end.endsWith('\r') ? '\r\n' : '\n'}--${boundary}`)
  await readHeaders(reader, end)
  const metadata = (await readUntil(reader, reader.delimiter)).toString('utf8')
  const headers = await readHeaders(reader, await readLine(reader))
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

/** A line without its LF; a CR in front of that is still there. */
async function readLine(reader: Reader): Promise<string> {
  return (await readUntil(reader, LF)).toString('latin1')
}

/** @param line what is left of the delimiter's own line: nothing but blanks, or it was the last delimiter */
async function readHeaders(reader: Reader, line: string): Promise<Map<string, string>> {
  if (line.trim() !== '') throw new MalformedMultipart()
  const headers = new Map<string, string>()
  for (;;) {
    const header = (await readLine(reader)).trimEnd()
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
