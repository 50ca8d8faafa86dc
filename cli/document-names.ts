import { createHash } from 'node:crypto'
import { extname } from 'node:path'

/** A file name's extension as the API takes it, or the empty string. */
export function extensionOf(path: string): string {
  const extension = extname(path)
  return /^\.[A-Za-z0-9]{1,16}$/.test(extension) ? extension : ''
}

/** Folders of letters, digits, `_` and single dashes, then a name of the same with one extension. */
const plainPath = /^(?=[A-Za-z0-9])(?:\w+(?:-\w+)*\/)*\w+(?:-\w+)*\.[A-Za-z0-9]{1,16}$/
const longestId = 128

/**
 * A path's documentId: made from that path alone, so it is the same at every run, and no two paths share one.
 * A plain path stays legible: `scans/report.pdf` is `scans--report-pdf`, which reads back in one way only.
 * Any other is told apart by its hash, after three dashes, which the id of a plain path never has.
 */
export function documentIdOf(path: string): string {
  const plain = path.replaceAll('/', '--').replace('.', '-')
  if (plainPath.test(path) && plain.length <= longestId) return plain
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 20)
  const legible = path
    .slice(0, path.length - extensionOf(path).length)
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 90)
    .replace(/-$/, '')
  return `${legible === '' ? 'document' : legible}---${hash}`
}
