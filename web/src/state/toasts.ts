import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'

export interface Toast {
  readonly id: number
  readonly tone: 'plain' | 'bad'
  readonly title: string
  readonly text?: string | undefined
  readonly action?: { readonly label: string; readonly run: () => void } | undefined
  /** Milliseconds; stays until it is dismissed without. */
  readonly lasts?: number | undefined
}

export interface Toasts {
  readonly shown: ReadonlySignal<readonly Toast[]>
  /** Shows one; answers how to take it away. */
  show(toast: Omit<Toast, 'id'>): () => void
  dismiss(id: number): void
}

/** Short messages in a corner. */
export function toastStore(): Toasts {
  const shown = signal<readonly Toast[]>([])
  let last = 0
  const dismiss = (id: number): void => {
    shown.value = shown.value.filter((toast) => toast.id !== id)
  }
  return {
    shown,
    dismiss,
    show(toast) {
      last += 1
      const id = last
      shown.value = [...shown.value, { ...toast, id }].slice(-4)
      if (toast.lasts !== undefined) setTimeout(() => dismiss(id), toast.lasts)
      return () => dismiss(id)
    },
  }
}
