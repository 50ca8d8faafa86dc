import type { Document } from '../../client/src/browser.ts'

/** A document's name as people see it, here and in the drive. */
export function displayName({ id, name, extension }: Pick<Document, 'id' | 'name' | 'extension'>): string {
  return name ?? `${id}${extension ?? ''}`
}

/** A file's way below the folder that was dropped, without the slash before it; else its name alone. */
export function pathOf({ name, meta }: { readonly name: string; readonly meta: object }): string {
  const path = 'relativePath' in meta ? meta.relativePath : undefined
  return typeof path === 'string' ? path.replace(/^\/+/, '') : name
}

/** The name of the second file of that name, and so on: `plan (2).txt`. */
export function numbered(name: string, number: number): string {
  const stem = name.slice(0, name.length - extensionOf(name).length)
  return number === 1 ? name : `${stem} (${number})${extensionOf(name)}`
}

/** What operating systems put into folders by themselves, which nobody means to store. */
export function isSystemFile(path: string): boolean {
  return /(?:^|\/)(?:\.DS_Store|\._[^/]*|Thumbs\.db|ehthumbs\.db|desktop\.ini|\.Spotlight-V100|\.Trashes|__MACOSX)(?:\/|$)/i.test(
    path,
  )
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
