import { createHash } from 'node:crypto'
import type { OpenApiDocument } from '../lib/contract/openapi/document.ts'
import type { JsonSchema, MediaType, Operation, ResponseObject } from '../lib/contract/openapi/types.ts'

const style = `
:root{color-scheme:light dark;--line:light-dark(#d5d9e0,#3a414d);--soft:light-dark(#f4f5f8,#1b2027);--ink:light-dark(#1c2430,#e4e8ef);--mute:light-dark(#5b6472,#a3adbb);--accent:light-dark(#0b57d0,#8ab4f8)}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:2rem 1rem 6rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:light-dark(#fff,#12161c)}
a{color:var(--accent)}h1{margin:0}h2{margin:2.5rem 0 .5rem}code,pre{font:.875rem/1.5 ui-monospace,monospace}pre{overflow-x:auto;background:var(--soft);padding:.75rem;border-radius:.375rem}
details{border:1px solid var(--line);border-radius:.375rem;margin:.5rem 0}summary{cursor:pointer;padding:.625rem .75rem}summary:focus-visible{outline:2px solid var(--accent)}
details>div{padding:0 .75rem .75rem}.method{display:inline-block;min-width:4.5rem;font-weight:700;color:var(--accent)}.mute{color:var(--mute)}
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid var(--line);padding:.375rem .5rem;text-align:left;vertical-align:top}.scroll{overflow-x:auto}`

/** What the page may load: its own style, by hash, and nothing else. Send it as `Content-Security-Policy`. */
export const openapiPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The document as one readable HTML page: no script, no outside asset. Serve it with `openapiPagePolicy`. */
export function openapiPage(document: OpenApiDocument): string {
  const sections = document.tags.map((tag) => {
    const operations = Object.entries({ ...document.paths, ...document.webhooks }).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([, operation]) => operation.tags.includes(tag.name))
        .map(([method, operation]) => operationHtml(method, path, operation, document)),
    )
    return `<section><h2>${escape(tag.name)}</h2><p>${escape(tag.description)}</p>${operations.join('')}</section>`
  })
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) =>
    schemaHtml(name, schema),
  )
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escape(document.info.title)} API</title><style>${style}</style></head><body><header>`,
    `<h1>${escape(document.info.title)} API <span class="mute">${escape(document.info.version)}</span></h1>`,
    `<p>${escape(document.info.summary)} ${escape(document.info.description)}</p>`,
    ...document.servers.map(
      (server) => `<p><code>${escape(server.url)}</code> <a href="/v1/openapi.json">openapi.json</a></p>`,
    ),
    `</header><main>${sections.join('')}<section><h2>Schemas</h2>${schemas.join('')}</section></main></body></html>`,
  ].join('')
}

function operationHtml(
  method: string,
  path: string,
  operation: Operation,
  document: OpenApiDocument,
): string {
  const parameters = (operation.parameters ?? []).map((parameter) => [
    `<code>${escape(parameter.name)}</code>`,
    escape(parameter.in + (parameter.required ? ', required' : '')),
    `<code>${escape(typeText(parameter.schema))}</code>`,
    escape(parameter.description),
  ])
  const open =
    operation.security.length === 0 && path.startsWith('/') ? ' <span class="mute">(public)</span>' : ''
  return [
    `<details id="${escape(operation.operationId)}"><summary><span class="method">${escape(method.toUpperCase())}</span>`,
    ` <code>${escape(path)}</code> ${escape(operation.summary)}${open}</summary><div><p>${escape(operation.description)}</p>`,
    table(['Parameter', 'In', 'Type', 'Meaning'], parameters),
    operation.requestBody === undefined
      ? ''
      : `<h3>Body</h3>${contentHtml(operation.requestBody.content, document)}`,
    '<h3>Answers</h3>',
    ...Object.entries(operation.responses).map(([status, response]) =>
      responseHtml(status, response, document),
    ),
    '</div></details>',
  ].join('')
}

function responseHtml(status: string, response: ResponseObject, document: OpenApiDocument): string {
  const lines = response.description.split('\n').map(escape).join('<br>')
  const headers = Object.keys(response.headers).map((name) => `<code>${escape(name)}</code>`)
  const problem = response['x-error-codes'] !== undefined
  return [
    `<p><strong>${escape(status)}</strong> ${lines}<br><span class="mute">Headers: ${headers.join(', ')}</span></p>`,
    problem ? '' : contentHtml(response.content ?? {}, document),
  ].join('')
}

function contentHtml(content: Readonly<Record<string, MediaType>>, document: OpenApiDocument): string {
  return Object.entries(content)
    .map(([type, media]) => {
      const examples = Object.values(media.examples ?? {}).map((example) => {
        const found = '$ref' in example ? document.components.examples[lastSegment(example.$ref)] : example
        return `<pre>${escape(JSON.stringify(found?.value, null, 2))}</pre>`
      })
      const schema = media.schema === undefined ? '' : ` ${schemaLink(media.schema)}`
      return `<p><code>${escape(type)}</code>${schema}</p>${examples.join('')}`
    })
    .join('')
}

function schemaHtml(name: string, schema: JsonSchema): string {
  return `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary><div>${table(
    ['Field', 'Type', 'Meaning'],
    rows(schema, ''),
  )}</div></details>`
}

function rows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const required = schema.required?.includes(name) === true
    const row = [
      `<code>${escape(prefix + name)}</code>${required ? '' : ' <span class="mute">optional</span>'}`,
      schemaLink(property.items ?? property) + (property.items === undefined ? '' : ' list'),
      escape(property.description ?? ''),
    ]
    return [row, ...rows(property, `${prefix}${name}.`)]
  })
}

function schemaLink(schema: JsonSchema): string {
  if (schema.$ref === undefined) return `<code>${escape(typeText(schema))}</code>`
  const name = escape(lastSegment(schema.$ref))
  return `<a href="#schema-${name}"><code>${name}</code></a>`
}

function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ')
  if (schema.const !== undefined) return String(schema.const)
  return [schema.type, schema.format, schema.pattern].filter((part) => part !== undefined).join(' ')
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  if (body.length === 0) return ''
  const cells = body.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<div class="scroll"><table><thead><tr>${head.map((cell) => `<th>${escape(cell)}</th>`).join('')}</tr></thead><tbody>${cells.join('')}</tbody></table></div>`
}

function lastSegment(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1)
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
