import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { openContentLink } from '../lib/documents/content-link.ts'
import { contentAnswer } from '../lib/documents/content-answer.ts'
import { streamingHandler } from '../lib/http/handler.ts'
import { exposedHeaders } from '../lib/http/response-headers.ts'

/** The link is the credential, so any page may read what it opens. */
const anyPage = { 'access-control-allow-origin': '*', 'access-control-expose-headers': exposedHeaders }

/** Streams what a content link opens, to whoever has it and on any page. */
export const handlerIn = (composition: Composition) =>
  streamingHandler(routes.openContentLink, composition, async ({ query, headers, method, signal }) => {
    const outcome = await openContentLink(openDocuments(composition), query.link, {
      range: headers['range'],
      ifNoneMatch: headers['if-none-match'],
      ifRange: headers['if-range'],
      isHead: method === 'HEAD',
      signal,
    })
    return contentAnswer(outcome, anyPage)
  })

export const handler = handlerIn(thisProcess)
