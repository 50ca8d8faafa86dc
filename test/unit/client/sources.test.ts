import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createDriveway, fileSource } from '../../../client/src/node.ts'
import type { Uploadable } from '../../../client/src/node.ts'
import { serve } from '../../support/serve.ts'

/** Uploads, and answers what the API was sent. */
async function sent(given: Uploadable, name?: string): Promise<{ url: string; type: string; body: string }> {
  const seen = { url: '', type: '', body: '' }
  const baseUrl = await serve((req, res) => {
    seen.url = req.url ?? ''
    seen.type = req.headers['content-type'] ?? ''
    req.setEncoding('utf8').on('data', (text: string) => (seen.body += text))
    req.on('end', () => {
      const document = { id: 'd', status: 'stored', size: seen.body.length }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ document }))
    })
  })
  await createDriveway({ baseUrl, token: () => 'good' }).upload(given, { documentId: 'd', name })
  return seen
}

describe('what is uploaded', () => {
  it.each<[string, () => Uploadable | Promise<Uploadable>]>([
    ['a Buffer', () => Buffer.from('hello')],
    ['a part of some bytes', () => new TextEncoder().encode('-hello-').subarray(1, 6)],
    ['an ArrayBuffer', () => new TextEncoder().encode('hello').buffer],
    ['a Blob', () => new Blob(['hello'])],
  ])('may be %s', async (_what, given) => {
    expect(await sent(await given())).toMatchObject({ body: 'hello', type: 'application/octet-stream' })
  })

  it('has the type of its own, else the one that its name speaks of', async () => {
    expect((await sent(new File(['x'], 'a.pdf', { type: 'text/x-own' }))).type).toBe('text/x-own')
    expect(await sent(new File(['x'], 'a.PDF'))).toMatchObject({
      type: 'application/pdf',
      url: expect.stringContaining('extension=.PDF') as string,
    })
    expect((await sent(new Blob(['x']), 'Invoice.docx')).type).toContain('wordprocessingml')
    expect((await sent(await fileSource(import.meta.filename))).type).toBe('application/octet-stream')
  })

  it.each<[string, unknown]>([
    ['a path', 'a.pdf'],
    ['a stream', Readable.from(['hello'])],
    ['a web stream', new Blob(['hello']).stream()],
    ['nothing', undefined],
    ['a promise of a file', fileSource(import.meta.filename)],
  ])('is refused in words when it cannot be read again: %s', async (_what, given) => {
    const driveway = createDriveway({ baseUrl: 'http://127.0.0.1:1', token: () => 'good' })
    await expect(driveway.upload(given as Uploadable)).rejects.toThrow(
      /^upload takes a File or Blob, bytes, or/,
    )
  })
})
