import { describe, expect, it } from 'vitest'
import { checkReturnUrl, withParameters } from '../../../lib/connections/return-url.ts'

const allowed = [
  'https://app.example.com',
  'https://tools.example.com/drives/',
  ' http://localhost:3000 ',
  'nonsense',
  'data:,',
]

describe('a returnUrl', () => {
  it.each([
    'https://app.example.com',
    'https://app.example.com/',
    'https://app.example.com/connected?tab=1',
    'https://APP.example.com/x',
    'https://app.example.com:443/x',
    'https://tools.example.com/drives',
    'https://tools.example.com/drives/done',
    'http://localhost:3000/callback',
  ])('may be %s', (url) => {
    expect(checkReturnUrl(url, allowed)).toBe(new URL(url).href)
  })

  it.each([
    'https://app.example.com.evil.test/',
    'https://app.example.com@evil.test/',
    'https://user:pass@app.example.com/',
    'https://evil.test/?https://app.example.com',
    'https://evil.test/https://app.example.com',
    'https://evil.test#https://app.example.com',
    'https://app.example.com:8443/',
    'http://app.example.com/',
    '//app.example.com/',
    '/connected',
    'app.example.com',
    '',
    'https:app.example.com\\@evil.test',
    'https://app.example.com\\.evil.test/',
    'https://app.example.com/\nx',
    ' https://app.example.com/',
    'https://app.example.com/#fragment',
    'https://аpp.example.com/',
    'https://tools.example.com/',
    'https://tools.example.com/drives-evil',
    'https://tools.example.com/drives/../admin',
    'https://tools.example.com/drives/%2e%2e/admin',
    'https://tools.example.com/drives/..%2fadmin',
    'https://tools.example.com/drives/%5c..%5cadmin',
    'javascript:alert(1)',
    'data:text/html,x',
    'data:,',
    'http://localhost:3001/',
    'http://127.0.0.1:3000/',
  ])('may not be %j', (url) => {
    expect(() => checkReturnUrl(url, allowed)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  it('is refused whatever it is when nothing is allowed', () => {
    expect(() => checkReturnUrl('https://app.example.com', [])).toThrow(/allow-list/)
  })

  it('keeps its own query and cannot bring our parameters along', () => {
    const url = withParameters('https://app.example.com/x?tab=1&completionCode=forged', {
      connectionId: 'c',
      completionCode: 'real',
    })
    const query = new URL(url).searchParams
    expect(query.getAll('completionCode')).toEqual(['real'])
    expect(query.get('tab')).toBe('1')
  })
})
