import type { Document, Driveway } from '../../../client/src/browser.ts'
import { displayName } from '../document-names.ts'
import { adviceFor } from '../words.ts'
import type { Toasts } from './toasts.ts'

export interface Downloads {
  start(document: Document): Promise<void>
}

/** Hands the browser a link that it downloads by itself, with its own progress, and resumes. */
export function downloadStore(driveway: Driveway, toasts: Toasts): Downloads {
  return {
    async start(found) {
      try {
        const { url } = await driveway.documents.contentLink(found.id)
        const link = document.createElement('a')
        link.href = url
        link.download = displayName(found)
        // From another origin a browser follows the link: elsewhere, so that this page and its uploads stay.
        link.target = '_blank'
        link.rel = 'noopener'
        link.click()
      } catch (error) {
        const { title, next } = adviceFor(error)
        toasts.show({ tone: 'bad', title: `${displayName(found)}: ${title}`, text: next })
      }
    },
  }
}
