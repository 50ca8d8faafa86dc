/** One piece of a `q` expression. */
export interface QueryToken {
  kind: 'word' | 'string' | 'symbol'
  text: string
}

const SYMBOL = /^(?:<=|>=|!=|=|<|>|\(|\)|\{|\})/
const WORD = /^[\w.]+/

/** Splits a `q` expression; undefined when it holds something that is none of the pieces. */
export function tokenize(q: string): QueryToken[] | undefined {
  const tokens: QueryToken[] = []
  for (let at = 0; at < q.length;) {
    const rest = q.slice(at)
    const space = /^\s+/.exec(rest)?.[0]
    if (space !== undefined) {
      at += space.length
      continue
    }
    if (rest.startsWith("'") || rest.startsWith('"')) {
      const read = readString(q, at)
      if (read === undefined) return undefined
      tokens.push({ kind: 'string', text: read.text })
      at = read.end
      continue
    }
    const symbol = SYMBOL.exec(rest)?.[0]
    const text = symbol ?? WORD.exec(rest)?.[0]
    if (text === undefined) return undefined
    tokens.push({ kind: symbol === undefined ? 'word' : 'symbol', text })
    at += text.length
  }
  return tokens
}

// `'` and `\` are escaped with a backslash inside a string.
function readString(q: string, start: number): { text: string; end: number } | undefined {
  const quote = q[start]
  let text = ''
  for (let at = start + 1; at < q.length; at += 1) {
    if (q[at] === quote) return { text, end: at + 1 }
    if (q[at] === '\\') at += 1
    text += q[at] ?? ''
  }
  return undefined
}
