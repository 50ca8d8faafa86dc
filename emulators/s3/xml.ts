import { S3Error } from './errors.ts'

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
}
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** A value in an XML answer: text, nested elements, or a list that repeats its element. */
type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlElements[]
export interface XmlElements {
  readonly [name: string]: XmlValue
}

const isList = (value: XmlValue): value is readonly XmlElements[] => Array.isArray(value)

const element = (name: string, value: XmlValue): string => {
  if (value === undefined) return ''
  if (isList(value)) return value.map((item) => element(name, item)).join('')
  if (typeof value === 'object') return `<${name}>${elements(value)}</${name}>`
  return `<${name}>${String(value).replace(/[&<>"\r]/g, (found) => escapes[found] ?? found)}</${name}>`
}

const elements = (children: XmlElements): string =>
  Object.entries(children)
    .map(([name, value]) => element(name, value))
    .join('')

/**
 * Writes an XML document with one root element that holds elements or
 * plain text. Undefined values are left out, lists repeat their element.
 */
export const toXml = (root: string, children: XmlElements | string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${typeof children === 'string' ? children : elements(children)}</${root}>`

const unescape = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
      return entities[name ?? ''] ?? whole
    },
  )

/**
 * Every `<name>…</name>` in a small request body, as the raw XML
 * inside; S3's requests nest no element in itself.
 */
export const blocks = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*?)</${name}>)`, 'g'))].map(
    (match) => match[1] ?? '',
  )

/** The text of the first `<name>` in `xml`, or undefined. */
export const textOf = (xml: string, name: string): string | undefined => {
  const [first] = blocks(xml, name)
  return first === undefined ? undefined : unescape(first)
}

/** As `textOf`, but the element must be there. */
export const requiredText = (xml: string, name: string): string => {
  const text = textOf(xml, name)
  if (text === undefined) throw new S3Error('MalformedXML', `The XML lacks ${name}`)
  return text
}
