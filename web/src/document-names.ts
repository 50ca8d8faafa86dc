import type { Document } from '../../client/src/browser.ts'

/** A document's name as people see it, here and in the drive. */
export function displayName({ id, extension }: Pick<Document, 'id' | 'extension'>): string {
  return `${id}${extension ?? ''}`
}

const extensionPattern = /[^.](\.[A-Za-z0-9]{1,16})$/

/**
 * A documentId that still reads like the file's name; a number makes it another one when the first is taken.
 */
export function documentIdOf(fileName: string, number = 1): string {
  const extension = extensionPattern.exec(fileName)?.[1] ?? ''
  const safe = fileName
    .slice(0, fileName.length - extension.length)
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '')
    .slice(0, 120)
  const base = safe === '' ? 'document' : safe
  return number === 1 ? base : `${base}-${number}`
}

/** The file's extension with its dot, or the empty string. */
export function extensionOf(name: string): string {
  return /[^.](\.[A-Za-z0-9]{1,16})$/.exec(name)?.[1] ?? ''
}
