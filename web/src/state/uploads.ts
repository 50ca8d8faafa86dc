import { computed, effect, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { Uppy } from '@uppy/core'
import type { Meta, UppyFile } from '@uppy/core'
import DropTarget from '@uppy/drop-target'
import type { Document, Driveway, UploadProgress } from '../../../client/src/browser.ts'
import { isDrivewayError } from '../../../client/src/browser.ts'
import { isSystemFile, pathOf } from '../document-names.ts'
import { gate } from '../gate.ts'
import type { Advice } from '../words.ts'
import { adviceFor } from '../words.ts'
import type { Connections } from './connections.ts'
import { sendFile } from './send-file.ts'
import type { Toasts } from './toasts.ts'
import { unfinishedUploads } from './unfinished.ts'
import type { Unfinished } from './unfinished.ts'

/** The largest file of any drive; the API knows what this one takes. */
const maxBytes = 5 * 1024 ** 4
const atOnce = 3
const silent = (): void => undefined

export interface Upload {
  readonly id: string
  readonly name: string
  readonly size: number
  readonly connectionId: string
  readonly phase: 'waiting' | 'failed' | UploadProgress['phase']
  readonly bytesSent: number
  readonly bytesStored: number
  readonly documentId: string | undefined
  readonly verdict: NonNullable<Document['checksum']>['verdict'] | undefined
  /** The connection broke and the bytes are sent again. */
  readonly interrupted: boolean
  readonly problem: (Advice & { readonly reconnect: boolean; readonly network: boolean }) | undefined
}

export interface Uploads {
  readonly all: ReadonlySignal<readonly Upload[]>
  /** Bytes still leave this device: the page must not be closed. */
  readonly isSending: ReadonlySignal<boolean>
  readonly isOnline: ReadonlySignal<boolean>
  /** Files are being dragged over the page. */
  readonly isDragging: ReadonlySignal<boolean>
  /** Where the next files go; undefined without a drive, and until the drives are known. */
  readonly target: ReadonlySignal<string | undefined>
  aimAt(connectionId: string): void
  add(files: readonly File[], replaces?: Document): void
  cancel(id: string): void
  retry(id: string): void
  readonly clearFinished: () => void
}

interface UploadMeta extends Meta, Pick<Upload, 'phase' | 'bytesSent' | 'bytesStored'> {
  connectionId?: string | undefined
  documentId?: string | undefined
  /** The document is this upload's own already: another try replaces it. */
  owned?: boolean
  interrupted?: boolean
  verdict?: Upload['verdict']
  problem?: Upload['problem']
}
type QueuedFile = UppyFile<UploadMeta, Record<string, never>>

export interface UploadsOptions {
  readonly toasts: Toasts
  readonly drives: Pick<Connections, 'list' | 'active'>
  /** A document of the list has come, moved on or ended. */
  readonly onChange: () => void
  /** A drive has refused; its status may be another now. */
  readonly onRefused: () => void
  /** There is no drive to store in. */
  readonly onNoTarget: () => void
}

/** Which drive the next files go to. One that is dropped before the drives are loaded waits for them. */
function aimOf({ list, active }: UploadsOptions['drives']) {
  const chosen = signal<string | undefined>(undefined)
  return {
    target: computed(() => active.value.find(({ id }) => id === chosen.value)?.id ?? active.value[0]?.id),
    at: (connectionId: string): void => void (chosen.value = connectionId),
    isKnown: (): boolean => list.peek() !== undefined,
    known: new Promise<void>((resolve) => {
      effect(() => {
        if (list.value !== undefined) resolve()
      })
    }),
  }
}

const queue = ({ target, isKnown }: ReturnType<typeof aimOf>, onNoTarget: () => void) =>
  new Uppy<UploadMeta>({
    autoProceed: true,
    // What goes wrong stands on the screen, in words for people.
    logger: { debug: silent, warn: silent, error: silent },
    restrictions: { maxFileSize: maxBytes },
    onBeforeFileAdded(file) {
      if (isSystemFile(pathOf(file))) return false
      const connectionId = file.meta.connectionId ?? target.peek()
      if (connectionId === undefined && isKnown()) {
        onNoTarget()
        return false
      }
      const start = { phase: 'waiting', bytesSent: 0, bytesStored: 0 } as const
      // Uppy takes two files of one name, size and date for one, and would drop the second without a word.
      return {
        ...file,
        id: `${file.id}-${crypto.randomUUID()}`,
        meta: { ...file.meta, ...start, connectionId },
      }
    },
  })

/** What the page before this one has left. */
function remind(unfinished: Unfinished, toasts: Toasts): void {
  const left = unfinished.names().join(', ')
  if (left === '') return
  const text = 'Choose it again, and the upload goes on where it was.'
  toasts.show({ tone: 'plain', title: `Not finished: ${left}`, text, lasts: 20_000 })
}

/** The upload queue: Uppy holds the files, the client moves them. */
export function uploadStore(driveway: Driveway, options: UploadsOptions): Uploads {
  const all = signal<readonly Upload[]>([])
  const isDragging = signal(false)
  const isOnline = signal(navigator.onLine)
  const names = new Set<string>()
  const unfinished = unfinishedUploads()
  remind(unfinished, options.toasts)
  const stops = new Map<string, AbortController>()
  const pass = gate(atOnce)
  const aim = aimOf(options.drives)

  const uppy = queue(aim, options.onNoTarget)
  const patch = (id: string, change: Partial<UploadMeta>): void => {
    const file = uppy.getState().files[id]
    if (file === undefined) return
    uppy.setFileState(id, { meta: { ...file.meta, ...change } })
    if (change.phase !== undefined && change.phase !== file.meta.phase) options.onChange()
  }

  const uploadOne = async (id: string): Promise<void> => {
    await aim.known
    const queued = uppy.getState().files[id]
    if (queued === undefined) return
    const connectionId = queued.meta.connectionId ?? aim.target.peek()
    if (connectionId === undefined) {
      uppy.removeFile(id)
      return options.onNoTarget()
    }
    patch(id, { connectionId })
    const file = uppy.getFile(id)
    const stop = new AbortController()
    stops.set(id, stop)
    patch(id, { phase: 'waiting', problem: undefined, interrupted: false, bytesSent: 0, bytesStored: 0 })
    try {
      const report = (change: Partial<UploadMeta>): void => patch(id, change)
      const stored = await pass(
        () => sendFile(driveway, file, { names, unfinished }, stop.signal, report),
        stop.signal,
      )
      patch(id, { phase: 'stored', verdict: stored.checksum?.verdict })
      uppy.emit('upload-success', uppy.getFile(id), { status: 200 })
    } catch (error) {
      if (!stop.signal.aborted) {
        const reconnect = isDrivewayError(error, 'connection_requires_reauth')
        if (reconnect) options.onRefused()
        const network = isDrivewayError(error, 'network_error')
        patch(id, { phase: 'failed', problem: { ...adviceFor(error), reconnect, network } })
        uppy.emit('upload-error', uppy.getFile(id), { name: 'upload', message: adviceFor(error).title })
      }
    } finally {
      stops.delete(id)
      // Also after one that was cancelled, whose file is no longer here.
      options.onChange()
    }
  }
  uppy.addUploader(async (ids) => {
    // Without this, Uppy would begin them again with the next files.
    uppy.emit('upload-start', uppy.getFilesByIds(ids))
    await Promise.all(ids.map(uploadOne))
  })

  uppy.on('state-update', (before, { files }) => {
    if (before.files !== files) all.value = Object.values(files).map(present)
  })
  uppy.on('restriction-failed', (file, error) => {
    options.toasts.show({ tone: 'bad', title: file?.name ?? 'Not added', text: error.message, lasts: 10_000 })
  })
  uppy.use(DropTarget, {
    target: document.body,
    onDragOver: () => void (isDragging.value = true),
    onDragLeave: () => void (isDragging.value = false),
    onDrop: () => void (isDragging.value = false),
  })
  const isSending = computed(() =>
    all.value.some(({ phase }) => ['waiting', 'preparing', 'sending'].includes(phase)),
  )
  globalThis.addEventListener('beforeunload', (event) => {
    if (isSending.peek()) event.preventDefault()
  })
  const retry = (id: string): void => void uppy.retryUpload(id)
  globalThis.addEventListener('offline', () => void (isOnline.value = false))
  globalThis.addEventListener('online', () => {
    isOnline.value = true
    for (const { id, problem } of all.value) if (problem?.network === true) retry(id)
  })

  return {
    all,
    isSending,
    isOnline,
    isDragging,
    target: aim.target,
    aimAt: aim.at,
    add(files, replaces) {
      const known =
        replaces === undefined
          ? {}
          : { connectionId: replaces.connectionId, documentId: replaces.id, owned: true }
      uppy.addFiles(
        files.map((data) => ({
          data,
          name: data.name,
          type: data.type,
          // Uppy fills in what is missing before anything reads it.
          meta: known as UploadMeta,
        })),
      )
    },
    cancel(id) {
      stops.get(id)?.abort()
      uppy.removeFile(id)
    },
    retry,
    clearFinished() {
      uppy.removeFiles(all.value.filter(({ phase }) => phase === 'stored').map(({ id }) => id))
    },
  }
}

function present({ id, name, size, meta }: QueuedFile): Upload {
  const { connectionId = '', phase, bytesSent, bytesStored, documentId, verdict, problem } = meta
  const progress = { phase, bytesSent, bytesStored, interrupted: meta.interrupted === true }
  return { id, name, size: size ?? 0, connectionId, documentId, verdict, problem, ...progress }
}
