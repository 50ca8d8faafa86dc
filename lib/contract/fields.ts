import * as z from 'zod/mini'
import {
  connectionIdPattern,
  documentIdPattern,
  extensionPattern,
  isName,
  namePattern,
  parseUserId,
} from '../ids.ts'

/** Fields that several shapes of the HTTP contract have. */

export const documentId = z
  .string()
  .check(z.regex(documentIdPattern, 'must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'))
export const extension = z.string().check(z.regex(extensionPattern, 'must match ^\\.[A-Za-z0-9]{1,16}$'))
const nameWords = 'must have 1 to 255 characters of Unicode, and no control characters'
export const name = z.string().check(z.regex(namePattern, nameWords), z.refine(isName, nameWords))
export const connectionId = z.string().check(z.regex(connectionIdPattern, 'must be a connection id'))
export const contentType = z
  .string()
  .check(
    z.maxLength(255, 'must have at most 255 characters'),
    z.regex(
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*;[\x20-\x7e]*)?$/,
      'must be a media type such as application/pdf',
    ),
  )
export const userId = z
  .string()
  .check(z.refine((text) => parseUserId(text) !== undefined, 'must have 1 to 255 printable characters'))
export const time = z.iso.datetime()
export const bytes = z.int().check(z.gte(0))
export const connectionStatus = z.enum(['pending', 'active', 'requires_reauth', 'disconnected'])
export const documentStatus = z.enum(['receiving', 'uploading', 'stored', 'parked', 'failed'])
