import { extname } from 'node:path'

/**
 * The full-width letter that looks like a sign which a drive refuses, as other tools write it too.
 * https://rclone.org/overview/#restricted-filenames
 */
export function wide(sign: string): string {
  return String.fromCodePoint((sign.codePointAt(0) ?? 0) + 0xfee0)
}

/** A file's name of at most `longest` by `measure`: what is too long loses the end of its stem. */
export function cut(file: string, longest: number, measure: (text: string) => number): string {
  if (measure(file) <= longest) return file
  const extension = measure(extname(file)) < longest / 2 ? extname(file) : ''
  // By whole code points: half of one is not Unicode.
  const stem = Array.from(file.slice(0, file.length - extension.length))
  while (stem.length > 1 && measure(stem.join('') + extension) > longest) stem.pop()
  return stem.join('').trimEnd() + extension
}

/**
 * Which letters of a name are capitals, as `(10)` for `Casey`: it goes behind the name where a drive does not
 * tell that from `casey`.
 */
export function capitalsOf(name: string): string {
  const capitals = name.replaceAll(/./g, (letter) => (/[A-Z]/.test(letter) ? '1' : '0'))
  return `(${BigInt(`0b${capitals}`).toString(16)})`
}
