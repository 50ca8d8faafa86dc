import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Document, Driveway } from '../../../client/src/browser.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { displayName } from '../document-names.ts'
import { adviceFor } from '../words.ts'
import type { Toasts } from './toasts.ts'

export interface Deletions {
  /** Documents that are on their way out: not listed any more, still there. */
  readonly pending: ReadonlySignal<ReadonlySet<string>>
  /** Deletes in some seconds, unless it is undone. */
  remove(document: Document): void
  /** Deletes at once what waits; the page is about to be left. */
  readonly flush: () => Promise<void>
}

export const undoMs = 8_000

/** Deletes with time to think better of it. A page that is closed meanwhile deletes nothing. */
export function deletionStore(driveway: Driveway, toasts: Toasts, onDeleted: () => void): Deletions {
  const pending = signal<ReadonlySet<string>>(new Set())
  const waiting = new Map<string, () => Promise<void>>()

  const release = (id: string): void => {
    waiting.delete(id)
    pending.value = new Set([...pending.value].filter((other) => other !== id))
  }
  return {
    pending,
    remove(document) {
      const { id, provider } = document
      if (pending.value.has(id)) return
      pending.value = new Set([...pending.value, id])
      const finish = async (): Promise<void> => {
        clearTimeout(timer)
        dismiss()
        waiting.delete(id)
        try {
          await driveway.documents.delete(id)
          onDeleted()
        } catch (error) {
          const { title, next } = adviceFor(error)
          toasts.show({ tone: 'bad', title: `${displayName(document)}: ${title}`, text: next })
        }
        // The list that comes without it must not show it in between.
        setTimeout(() => release(id), 2_000)
      }
      const timer = setTimeout(() => void finish(), undoMs)
      const dismiss = toasts.show({
        tone: 'plain',
        title: `${displayName(document)} is being deleted`,
        text: providers[provider].console.afterDelete,
        action: {
          label: 'Undo',
          run() {
            clearTimeout(timer)
            dismiss()
            release(id)
          },
        },
      })
      waiting.set(id, finish)
    },
    async flush() {
      await Promise.all([...waiting.values()].map((finish) => finish()))
    },
  }
}
