import type { DocumentPages, documentPages } from './document-pages.ts'

/** Reading many rows is loaded when somebody does it: the requests of one document never do. */
export function latePages(...table: Parameters<typeof documentPages>): DocumentPages {
  const load = async (): Promise<DocumentPages> =>
    (await import('./document-pages.ts')).documentPages(...table)
  return {
    list: async (...given) => (await load()).list(...given),
    newest: async (...given) => (await load()).newest(...given),
    openOfUser: async (...given) => (await load()).openOfUser(...given),
    countOfUser: async (...given) => (await load()).countOfUser(...given),
    scanOpen: async (...given) => (await load()).scanOpen(...given),
  }
}
