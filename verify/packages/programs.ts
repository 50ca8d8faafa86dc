import { packageName } from '../../packages/scope.ts'

/** Ten lines for each package, as somebody would write them who has just installed it. */

/** A Node program, of either kind, that stores a document and reads it. */
const journey = (imports: string): string => `${imports}
const [, , baseUrl, token, id] = process.argv
const driveway = createDriveway({ baseUrl, token: () => token })
async function main() {
  const stored = await driveway.upload(new Blob(['hello from ' + id]), { documentId: id, extension: '.txt' })
  const { body } = await driveway.download(id)
  console.log(stored.status, await new Response(body).text())
}
main()
`

export const imported = journey(`import { createDriveway } from '${packageName('client')}'`)
export const required = journey(`const { createDriveway } = require('${packageName('client')}')`)

/** A page that Vite builds. */
export const page = {
  'index.html': '<!doctype html><script type="module" src="/main.ts"></script>',
  'main.ts': `
import { createDriveway } from '${packageName('client')}'

const driveway = createDriveway({ baseUrl: 'https://api.example.com', token: () => 'token' })
document.body.onclick = () => void driveway.upload(new File(['hello'], 'hello.txt'))
`,
}
