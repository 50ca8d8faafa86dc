import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { generatedPages, regenerated } from '../../../docs/generate.ts'
import { problemCatalog } from '../../../lib/contract/problem-catalog.ts'
import { reasonWords, wordsForReason } from '../../../lib/contract/reasons.ts'
import { errorCodes, reauthReasons } from '../../../lib/errors.ts'
import { adviceOn, illnessWords } from '../../../web/src/words.ts'

const sentence = /^[A-Z].*\.$/

describe('words for people', () => {
  test('every reason of a dead grant says what happened and what helps', () => {
    expect(Object.keys(reasonWords).toSorted()).toEqual(reauthReasons.toSorted())
    for (const { why, next } of Object.values(reasonWords)) {
      expect(why).toMatch(sentence)
      expect(next).toMatch(sentence)
    }
    expect(wordsForReason('constructor')).toBeUndefined()
    expect(wordsForReason(undefined)).toBeUndefined()
  })

  test('every error code has advice in the API and in the console', () => {
    expect(Object.keys(problemCatalog).toSorted()).toEqual(errorCodes.toSorted())
    for (const code of errorCodes) {
      expect(adviceOn(code).title).toMatch(/^[A-Z].*[^.]$/)
      expect(adviceOn(code).next).toMatch(sentence)
    }
  })

  test('the console explains a dead grant and a sick drive, and makes nothing up', () => {
    for (const reason of reauthReasons) expect(illnessWords(reason)).toContain(reasonWords[reason].why)
    expect(illnessWords('provider_throttled')).toBe('The drive asks for a pause.')
    expect(illnessWords('toString')).toBeUndefined()
    expect(illnessWords('disconnected')).toBeUndefined()
  })
})

describe('pages that name providers', () => {
  /** As a formatter may set it: spaces and the lines of tables do not count. */
  const plain = (text: string): string => text.replaceAll(/\s+|-{3,}:?/g, ' ').replaceAll(/ +/g, ' ')

  test.each(generatedPages)('%s is as npm run generate makes it', async (page) => {
    const standing = readFileSync(page, 'utf8')
    expect(standing).toContain('<!-- generated: ')
    expect(plain(standing)).toBe(plain(await regenerated(page)))
  })
})
