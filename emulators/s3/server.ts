import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { startServer, type RunningServer } from '../http-server.ts'
import * as buckets from './bucket.ts'
import { deleteObject, deleteObjects } from './delete-object.ts'
import { S3Error } from './errors.ts'
import { FileStore } from './files.ts'
import { getObject } from './get-object.ts'
import * as multipart from './multipart.ts'
import { Notifier, testEvent, type Deliver } from './notifications.ts'
import type { CorsRule } from './cors.ts'
import { answerPage } from './cors.ts'
import { copyObject, putObject } from './put-object.ts'
import { parseRequest, type S3Request } from './request.ts'
import type { Operation, S3Service } from './service.ts'
import type { Credentials } from '../signature.ts'
import { verifySignature } from './signature.ts'
import { ObjectStore } from './store.ts'
import { deleteTagging, getTagging, putTagging } from './tagging.ts'
import { toXml } from './xml.ts'

export interface S3Options {
  /** 0 takes a free port. */
  readonly port: number
  /** Where objects and their rows are kept. */
  readonly stateDir: string
  /** Created at the start when they are not there. */
  readonly buckets: readonly string[]
  /** Which bucket's writes and deletes become event records, and what takes them. */
  readonly notification?: { readonly bucket: string; readonly deliver: Deliver }
  /** The one key pair that is accepted; `local`/`local` when absent. */
  readonly credentials?: Credentials
  readonly clock?: Clock
  /** What pages may do, at every bucket; nothing when absent, as at a bucket of S3 without rules. */
  readonly cors?: readonly CorsRule[]
}

const bucketOperation = ({ method, query }: S3Request): Operation | undefined => {
  if (method === 'POST' && query.has('delete')) return deleteObjects
  if (method === 'GET' && query.has('uploads')) return multipart.listMultipartUploads
  if (method === 'GET' && query.has('versions')) return buckets.listVersions
  if (method === 'GET' && query.has('location')) return buckets.getBucketLocation
  const unknown = [
    'acl',
    'cors',
    'lifecycle',
    'notification',
    'policy',
    'tagging',
    'versioning',
    'versions',
    'website',
  ]
  if (unknown.some((name) => query.has(name)))
    throw new S3Error('NotImplemented', 'This part of S3 is not offered by this emulator')
  return {
    GET: buckets.listObjects,
    HEAD: buckets.headBucket,
    PUT: buckets.createBucket,
    DELETE: buckets.deleteBucket,
  }[method]
}

const objectOperation = ({ method, query, headers }: S3Request): Operation | undefined => {
  if (query.has('tagging')) return { GET: getTagging, PUT: putTagging, DELETE: deleteTagging }[method]
  if (query.has('uploads')) return method === 'POST' ? multipart.createMultipartUpload : undefined
  if (query.has('uploadId'))
    return {
      GET: multipart.listParts,
      PUT: multipart.uploadPart,
      POST: multipart.completeMultipartUpload,
      DELETE: multipart.abortMultipartUpload,
    }[method]
  // Without versioning each object has one version, `null`.
  if (method === 'DELETE' && query.get('versionId') === 'null') return deleteObject
  const unknown = ['acl', 'attributes', 'legal-hold', 'retention', 'restore', 'select', 'versionId']
  if (unknown.some((name) => query.has(name)))
    throw new S3Error('NotImplemented', 'This part of S3 is not offered by this emulator')
  const put = headers.has('x-amz-copy-source') ? copyObject : putObject
  return { GET: getObject, HEAD: getObject, PUT: put, DELETE: deleteObject }[method]
}

const operationOf = (request: S3Request): Operation => {
  let operation: Operation | undefined
  if (request.bucket === '') operation = request.method === 'GET' ? buckets.listBuckets : undefined
  else operation = request.key === '' ? bucketOperation(request) : objectOperation(request)
  if (!operation)
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource')
  return operation
}

const sendError = (message: IncomingMessage, response: ServerResponse, id: string, error: unknown): void => {
  // A broken connection or an answer that has begun can only be cut.
  if (message.destroyed && !message.complete) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  const known =
    error instanceof S3Error
      ? error
      : new S3Error('InternalError', error instanceof Error ? error.message : 'unknown')
  const body = Buffer.from(
    toXml('Error', { Code: known.code, Message: known.message, RequestId: id }).replace(/ xmlns="[^"]*"/, ''),
  )
  response.writeHead(known.status, { 'content-type': 'application/xml', 'content-length': body.length })
  if (message.method !== 'HEAD') response.write(body)
  if (message.complete) {
    response.end()
    return
  }
  // The rest of a refused body is read and thrown away: ending now could close
  // the connection before the client, busy sending, gets to read the answer.
  message.once('close', () => response.end())
  message.resume()
}

const openService = async (options: S3Options): Promise<S3Service> => {
  const store = new ObjectStore(options.stateDir, options.clock ?? Date.now)
  const files = new FileStore(join(options.stateDir, 'objects'))
  const referenced = store.referencedFiles()
  await files.open((file) => referenced.has(file))
  for (const bucket of options.buckets) store.createBucket(bucket)
  const { notification } = options
  if (!notification) return { store, files, notifier: undefined }
  if (store.enableNotifications(notification.bucket))
    await notification.deliver([testEvent(notification.bucket, store.clock())])
  return { store, files, notifier: new Notifier(store, notification.deliver) }
}

/**
 * Starts an S3 server on 127.0.0.1 that speaks to the AWS SDK with path-style addresses, verifies signatures
 * and keeps what it acknowledged when it is killed. Unversioned buckets; see README.md for what is left out.
 */
export const startS3 = async (options: S3Options): Promise<RunningServer> => {
  const service = await openService(options)
  const credentials = options.credentials ?? { accessKeyId: 'local', secretAccessKey: 'local' }
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const id = randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()
    response.setHeader('x-amz-request-id', id)
    try {
      answerPage(options.cors ?? [], message, response)
      if (message.method === 'OPTIONS') {
        response.writeHead(200).end()
        return
      }
      const request = parseRequest(id, message, response)
      verifySignature(request, credentials, service.store.clock)
      await operationOf(request)(service, request)
    } catch (error) {
      sendError(message, response, id, error)
    }
  }
  const close = async (): Promise<void> => {
    await service.notifier?.close()
    service.store.close()
  }
  const server = await startServer(
    'S3',
    options.port,
    (message, response) => void handle(message, response),
    close,
  ).catch(async (error: unknown) => {
    await close()
    throw error
  })
  service.notifier?.wake()
  return server
}
