import { expect, it } from 'vitest'
import { createDriveway } from '../../../client/src/node.ts'
import { serve } from '../../support/serve.ts'

it.each([
  [`attachment; filename="a.txt"; filename*=UTF-8''%C3%A4.txt`, 'ä.txt'],
  [`attachment; filename="a.txt"; filename*=UTF-8''%E4.txt`, 'a.txt'],
  [`attachment; filename*=UTF-8''%zz`, 'd'],
])('a download whose name is given as %s is called %s', async (disposition, name) => {
  const baseUrl = await serve((_req, res) => {
    res.writeHead(200, { 'content-disposition': disposition, 'content-length': '2' }).end('ok')
  })
  const download = await createDriveway({ baseUrl, token: () => 'good' }).download('d')
  await download.body.cancel()
  expect(download.fileName).toBe(name)
})
