import { checkTags } from './attributes.ts'
import { S3Error } from './errors.ts'
import { readXml, sendEmpty, sendXml, type Operation } from './service.ts'
import { blocks, requiredText } from './xml.ts'

/** PUT `?tagging` */
export const putTagging: Operation = async (service, request) => {
  service.store.requireBucket(request.bucket)
  const tags = blocks(await readXml(request), 'Tag').map(
    (tag) => [requiredText(tag, 'Key'), requiredText(tag, 'Value')] as const,
  )
  service.store.setTags(request.bucket, request.key, checkTags(tags))
  sendEmpty(request, 200)
}

/** GET `?tagging` */
export const getTagging: Operation = (service, request) => {
  service.store.requireBucket(request.bucket)
  const object = service.store.find(request.bucket, request.key)
  if (!object) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  const Tag = Object.entries(object.tags).map(([Key, Value]) => ({ Key, Value }))
  sendXml(request, 'Tagging', { TagSet: { Tag } })
}

/** DELETE `?tagging` */
export const deleteTagging: Operation = (service, request) => {
  service.store.requireBucket(request.bucket)
  service.store.setTags(request.bucket, request.key, {})
  sendEmpty(request, 204)
}
