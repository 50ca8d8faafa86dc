import { createHash, randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseUserId, parseUserKey, userId, userKeyOf } from '../../lib/ids.ts'

const keyOf = (sub: string): string => userKeyOf(userId(sub))
const hash = (sub: string): string => createHash('sha256').update(sub).digest('base64url')

describe('user keys', () => {
  it('are the subject itself where that is safe, and else a hash, as those of 43 characters always are', () => {
    expect(keyOf('alice')).toBe('alice')
    expect(keyOf('a'.repeat(64))).toBe('a'.repeat(64))
    expect(keyOf('a'.repeat(65))).toBe(hash('a'.repeat(65)))
    expect(keyOf('ada@example.com')).toBe(hash('ada@example.com'))
    expect(keyOf('a'.repeat(43))).toBe(hash('a'.repeat(43)))
    expect(keyOf('a'.repeat(42))).toBe('a'.repeat(42))
    expect(keyOf('a'.repeat(44))).toBe('a'.repeat(44))
  })

  it('of different subjects differ: random ones, and those that are made from each other', () => {
    const alphabets = ['ab_-', 'abcXYZ019_-', 'aé@|. 株']
    const random = Array.from({ length: 3000 }, (_, at) => {
      const letters = alphabets[at % alphabets.length] ?? ''
      const length = at % 3 === 0 ? randomInt(40, 48) : randomInt(1, 70)
      return Array.from({ length }, () => letters.charAt(randomInt(letters.length))).join('')
    })
    const derived = (sub: string): string[] => {
      const once = keyOf(sub)
      return [
        once,
        hash(sub),
        hash(once),
        keyOf(keyOf(sub)),
        sub.toUpperCase(),
        ` ${sub}`,
        sub.normalize('NFD'),
      ]
    }
    const subs = new Set([...random, ...random.flatMap(derived), ...random.flatMap(derived).flatMap(derived)])
    const owners = new Map<string, string>()
    for (const sub of subs) {
      const key = keyOf(sub)
      expect(owners.get(key) ?? sub).toBe(sub)
      owners.set(key, sub)
      expect(parseUserKey(key)).toBe(key)
    }
    expect(owners.size).toBe(subs.size)
  })
})

describe('a subject', () => {
  it.each(['a', 'auth0|5f7c', 'ada+1@example.com', 'Žofie Nováková', '株式会社', 'x'.repeat(255), '👩‍👩‍👧'])(
    'may be %s',
    (sub) => {
      expect(parseUserId(sub)).toBe(sub)
    },
  )

  it.each([
    ['empty', ''],
    ['of blanks', '  '],
    ['longer than 255', 'x'.repeat(256)],
    ['with NUL', 'a\0b'],
    ['with a line end', 'a\nb'],
    ['with an escape sequence', 'a\u001b[2J'],
    ['with a C1 control', 'a\u009b'],
    ['half a pair', '\ud800'],
    ['the other half', '\udfff'],
    ['with half a pair inside', 'a\ud800b'],
  ])('%s is none', (_what, sub) => {
    expect(parseUserId(sub)).toBeUndefined()
  })
})
