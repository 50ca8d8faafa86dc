import { attributesOf } from './attributes.ts'
import { writePrecondition } from './conditions.ts'
import { S3Error } from './errors.ts'
import * as uploads from './multipart-store.ts'
import { checksumHeaders } from './put-object.ts'
import { receiveBody } from './receive-body.ts'
import { wholeNumber, type S3Request } from './request.ts'
import { causeOf, isoTime, readXml, sendEmpty, sendXml, type Operation } from './service.ts'
import { blocks, requiredText } from './xml.ts'

const uploadOf = (request: S3Request): { bucket: string; key: string; id: string } => ({
  bucket: request.bucket,
  key: request.key,
  id: request.query.get('uploadId') ?? '',
})

/** POST `?uploads` */
export const createMultipartUpload: Operation = (service, request) => {
  const id = uploads.createUpload(service.store, request.bucket, request.key, attributesOf(request))
  sendXml(request, 'InitiateMultipartUploadResult', {
    Bucket: request.bucket,
    Key: request.key,
    UploadId: id,
  })
}

/** PUT `?uploadId&partNumber` */
export const uploadPart: Operation = async (service, request) => {
  const { store, files } = service
  if (request.headers.has('x-amz-copy-source'))
    throw new S3Error('NotImplemented', 'UploadPartCopy is not offered by this emulator')
  const upload = uploadOf(request)
  const number = wholeNumber(request.query.get('partNumber'), 'partNumber') ?? 0
  if (number < 1 || number > 10_000)
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
  uploads.requireUpload(store, upload.bucket, upload.key, upload.id)
  const file = await files.create()
  try {
    const { size, md5, checksums } = await receiveBody(request, files.path(file))
    const leftOver = uploads.putPart(store, upload, { number, file, size, etag: md5 })
    sendEmpty(request, 200, { etag: `"${md5}"`, ...checksumHeaders(checksums) })
    await files.remove(leftOver)
  } catch (error) {
    if (!uploads.listParts(store, upload.id).some((part) => part.file === file)) await files.remove([file])
    throw error
  }
}

/** POST `?uploadId` */
export const completeMultipartUpload: Operation = async (service, request) => {
  const { bucket, key } = request
  const wanted = blocks(await readXml(request), 'Part').map((part) => ({
    number: wholeNumber(requiredText(part, 'PartNumber'), 'PartNumber') ?? 0,
    etag: requiredText(part, 'ETag').replaceAll('"', ''),
  }))
  if (wanted.length === 0) throw new S3Error('MalformedXML', 'You must specify at least one part')
  const cause = causeOf(request, 'ObjectCreated:CompleteMultipartUpload')
  const precondition = writePrecondition(request.headers)
  const { etag, leftOver } = uploads.completeUpload(
    service.store,
    uploadOf(request),
    wanted,
    cause,
    precondition,
  )
  service.notifier?.wake()
  const location = `http://${request.message.headers.host ?? ''}${request.rawPath}`
  sendXml(request, 'CompleteMultipartUploadResult', {
    Location: location,
    Bucket: bucket,
    Key: key,
    ETag: `"${etag}"`,
  })
  await service.files.remove(leftOver)
}

/** DELETE `?uploadId` */
export const abortMultipartUpload: Operation = async (service, request) => {
  const files = uploads.abortUpload(service.store, request.bucket, request.key, uploadOf(request).id)
  sendEmpty(request, 204)
  await service.files.remove(files)
}

/** GET `?uploadId` */
export const listParts: Operation = (service, request) => {
  const { bucket, key, id } = uploadOf(request)
  uploads.requireUpload(service.store, bucket, key, id)
  const max = Math.min(wholeNumber(request.query.get('max-parts'), 'max-parts') ?? 1000, 1000)
  const after = wholeNumber(request.query.get('part-number-marker'), 'part-number-marker') ?? 0
  const found = uploads.listParts(service.store, id, after, max + 1)
  const page = found.slice(0, max)
  sendXml(request, 'ListPartsResult', {
    Bucket: bucket,
    Key: key,
    UploadId: id,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.number,
    MaxParts: max,
    IsTruncated: found.length > max,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: isoTime(part.lastModified),
      ETag: `"${part.etag}"`,
      Size: part.size,
    })),
  })
}

/** GET `?uploads` of a bucket; all on one page. */
export const listMultipartUploads: Operation = (service, request) => {
  const prefix = request.query.get('prefix') ?? ''
  const open = uploads.listUploads(service.store, request.bucket, prefix)
  sendXml(request, 'ListMultipartUploadsResult', {
    Bucket: request.bucket,
    Prefix: prefix,
    IsTruncated: false,
    Upload: open.map((upload) => ({
      Key: upload.key,
      UploadId: upload.id,
      Initiated: isoTime(upload.initiated),
    })),
  })
}
