import { S3Error } from './errors.ts'
import { causeOf, readXml, sendEmpty, sendXml, type Operation, type S3Service } from './service.ts'
import type { S3Request } from './request.ts'
import type { Precondition } from './store.ts'
import { blocks, requiredText, textOf } from './xml.ts'

const remove = async (
  service: S3Service,
  request: S3Request,
  key: string,
  check?: Precondition,
): Promise<void> => {
  const files = service.store.delete(request.bucket, key, causeOf(request, 'ObjectRemoved:Delete'), check)
  service.notifier?.wake()
  await service.files.remove(files)
}

/** DELETE of an object; one that is not there is success. */
export const deleteObject: Operation = async (service, request) => {
  const ifMatch = request.headers.get('if-match')?.replaceAll('"', '')
  await remove(service, request, request.key, (existing) => {
    if (ifMatch !== undefined && existing && ifMatch !== '*' && existing.etag !== ifMatch)
      throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
  })
  sendEmpty(request, 204)
}

/** POST `?delete`: up to 1,000 keys at once. */
export const deleteObjects: Operation = async (service, request) => {
  service.store.requireBucket(request.bucket)
  const xml = await readXml(request)
  const keys = blocks(xml, 'Object').map((block) => requiredText(block, 'Key'))
  if (keys.length === 0 || keys.length > 1000)
    throw new S3Error('MalformedXML', 'Between 1 and 1000 keys are needed')
  for (const key of keys) await remove(service, request, key)
  const quiet = textOf(xml, 'Quiet') === 'true'
  sendXml(request, 'DeleteResult', { Deleted: quiet ? [] : keys.map((Key) => ({ Key })) })
}
