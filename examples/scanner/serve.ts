import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import { extname } from 'node:path'

// Serves the example at http://localhost:5173, which the local stack allows to call it. Build the client first: npm run client:build.
const here = new URL('.', import.meta.url)
const client = new URL('../../client/dist/', import.meta.url)
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.ts': 'text/javascript',
}
const policy =
  "default-src 'none'; script-src 'self'; connect-src http://127.0.0.1:*; base-uri 'none'; frame-ancestors 'none'"
const port = Number(process.env['PORT'] ?? 5173)

createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname
  // Flat names only, so that no path leads out of the two folders.
  const [, folder, name] =
    /^\/(client\/)?([a-z-]+\.(?:js|ts|html))$/.exec(path === '/' ? '/index.html' : path) ?? []
  const file = name === undefined ? undefined : new URL(name, folder === undefined ? here : client)
  const read = file === undefined ? Promise.reject(new Error('no such file')) : readFile(file)
  read.then(
    (content) => {
      response.writeHead(200, {
        'content-type': types[extname(name ?? '')] ?? 'text/plain',
        'content-security-policy': policy,
      })
      response.end(name?.endsWith('.ts') === true ? stripTypeScriptTypes(content.toString()) : content)
    },
    () => response.writeHead(404).end('Not found'),
  )
}).listen(port, '127.0.0.1', () => console.log(`The scanner is at http://localhost:${port}`))
