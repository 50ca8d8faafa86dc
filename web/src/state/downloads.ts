import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Document, Driveway } from '../../../client/src/browser.ts'
import { displayName } from '../document-names.ts'
import { adviceFor } from '../words.ts'
import type { Toasts } from './toasts.ts'

export interface Downloading {
  readonly bytesReceived: number
  readonly bytesTotal: number | undefined
  readonly cancel: () => void
}

export interface Downloads {
  /** Those under way, by documentId. */
  readonly running: ReadonlySignal<ReadonlyMap<string, Downloading>>
  start(document: Document): Promise<void>
}

/**
 * The part of the File System Access API that is used.
 * https://developer.mozilla.org/docs/Web/API/Window/showSaveFilePicker
 */
interface SavePicker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<{
    createWritable(): Promise<WritableStream<Uint8Array>>
  }>
}

/** From here on the file goes straight to disk where the browser can do that. */
const directBytes = 512 * 1024 * 1024

/**
 * Downloads through the API, which resumes a broken one unseen, and
 * hands the result to the browser as a file.
 */
export function downloadStore(driveway: Driveway, toasts: Toasts): Downloads {
  const running = signal<ReadonlyMap<string, Downloading>>(new Map())

  return {
    running,
    async start(document) {
      const { id } = document
      if (running.value.has(id)) return
      const name = displayName(document)
      const stop = new AbortController()
      const note = (bytesReceived: number, bytesTotal: number | undefined): void => {
        const entry = { bytesReceived, bytesTotal, cancel: () => stop.abort() }
        running.value = new Map([...running.value, [id, entry]])
      }
      note(0, document.size)
      try {
        // The question where to save has to follow the click at once.
        const target = document.size >= directBytes ? await pickTarget(window, name) : undefined
        const { body, contentType } = await driveway.download(id, {
          signal: stop.signal,
          onProgress: (progress) => note(progress.bytesReceived, progress.bytesTotal),
        })
        if (target === undefined) save(await new Response(body, typed(contentType)).blob(), name)
        else await body.pipeTo(target)
      } catch (error) {
        const dismissed =
          stop.signal.aborted || (error instanceof DOMException && error.name === 'AbortError')
        if (!dismissed) {
          const { title, next } = adviceFor(error)
          toasts.show({ tone: 'bad', title: `${name}: ${title}`, text: next })
        }
      }
      running.value = new Map([...running.value].filter(([other]) => other !== id))
    },
  }
}

const typed = (contentType: string): ResponseInit => ({ headers: { 'content-type': contentType } })

/** A file of the person's choice to write to; undefined where the browser has no such thing. */
async function pickTarget(
  scope: object | SavePicker,
  suggestedName: string,
): Promise<WritableStream<Uint8Array> | undefined> {
  if (!('showSaveFilePicker' in scope)) return undefined
  return (await scope.showSaveFilePicker({ suggestedName })).createWritable()
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has taken it over by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
