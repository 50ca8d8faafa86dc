import type { FileStore } from './files.ts'
import type { Notifier } from './notifications.ts'
import { readBody } from '../json-protocol.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'
import type { Cause, ObjectStore } from './store.ts'
import { toXml, type XmlElements } from './xml.ts'

/** What every operation works with. */
export interface S3Service {
  readonly store: ObjectStore
  readonly files: FileStore
  readonly notifier: Notifier | undefined
}

export type Operation = (service: S3Service, request: S3Request) => Promise<void> | void

const maxXmlBytes = 2 * 1024 * 1024

/** Who did this write, for its event record; `eventName` as in `ObjectCreated:Put`. */
export const causeOf = (request: S3Request, eventName: string): Cause => ({
  eventName,
  requestId: request.id,
  sourceIp: request.message.socket.remoteAddress ?? '127.0.0.1',
})

/** Answers with headers only. */
export const sendEmpty = (
  request: S3Request,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const length: Record<string, string> = status === 204 || status === 304 ? {} : { 'content-length': '0' }
  request.response.writeHead(status, { ...length, ...headers })
  request.response.end()
}

/** Answers an XML document. */
export const sendXml = (
  request: S3Request,
  root: string,
  children: XmlElements | string,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const body = Buffer.from(toXml(root, children))
  request.response.writeHead(200, {
    'content-type': 'application/xml',
    'content-length': body.length,
    ...headers,
  })
  request.response.end(body)
}

/** Reads the small XML body of a request. */
export const readXml = async (request: S3Request): Promise<string> => {
  if (Number(request.headers.get('content-length') ?? 0) > maxXmlBytes)
    throw new S3Error('MalformedXML', 'The XML you provided is too large')
  return (await readBody(request.message, maxXmlBytes)).toString('utf8')
}

/** Times in XML answers. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString()
