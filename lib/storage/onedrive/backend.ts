import type { Clock } from '../../clock.ts'
import { isServiceError, NotSupportedError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import { providerHttp } from '../../net/provider-http.ts'
import type { TokenSource } from '../../net/token-source.ts'
import { secret } from '../../secret.ts'
import type { Backend, EntryBackend } from '../backend.ts'
import { isSameContent, plainContentType } from '../content.ts'
import { createQuickXor } from '../quick-xor.ts'
import { sendWhole } from '../send-whole.ts'
import { downloadItem, locate } from './download.ts'
import { graphError } from './errors.ts'
import { graphApi } from './graph.ts'
import { byId } from './names.ts'
import { toEntry } from './schemas.ts'
import { findByPlan, oneDriveUploads, writeAtPlace } from './uploads.ts'

export interface OneDriveOptions {
  readonly connectionId: ConnectionId
  readonly tokens: TokenSource
  readonly clock: Clock
  /** One origin in place of Microsoft's (a simulator). */
  readonly endpoint?: string | undefined
  /** The folder that the users' folders go into; the drive's root when absent. */
  readonly folder?: string | undefined
  readonly observe?: ObserveCall | undefined
}

const digests = { quickXorHash: createQuickXor } as const

/** OneDrive through Microsoft Graph for one connection. Its quirks stand in README.md. Callers hold it through the port. */
export function oneDriveBackend(options: OneDriveOptions): Backend {
  const { connectionId, tokens, clock, folder, observe } = options
  const endpoint = options.endpoint ?? 'https://graph.microsoft.com'
  const http = providerHttp({
    provider: 'onedrive',
    tokens,
    clock,
    observe,
    mapError: (answer) => graphError(connectionId, answer),
    // The form that Graph asks of applications. https://learn.microsoft.com/graph/throttling
    userAgent: 'ISV|Driveway|Driveway/0.1',
    plainHttp: endpoint.startsWith('http://'),
  })
  const graph = graphApi(http, `${endpoint}/v1.0`)
  const parts = { http, graph, folder: folder === '' ? undefined : folder }
  const uploads = oneDriveUploads(parts)

  const putEntry: EntryBackend['putEntry'] = async (
    userId,
    documentId,
    content,
    extension,
    contentType,
    { target, signal } = {},
  ) => {
    const plan = {
      userId,
      documentId,
      extension,
      contentType,
      size: content.size,
      ...(target ? { target } : {}),
    }
    const putEmpty = async (address: string, createOnly: boolean) => {
      // A session cannot carry an empty file.
      const empty = { length: 0, open: () => content.open() }
      const type = plainContentType(contentType)
      return toEntry(await graph.putContent(address, { body: empty, contentType: type, createOnly }, signal))
    }
    try {
      if (content.size === 0) return await writeAtPlace(parts, plan, putEmpty, signal)
      return await sendWhole(uploads, plan, content, signal)
    } catch (error) {
      if (!isServiceError(error) || !error.retry.ambiguous || signal?.aborted) throw error
      const item = await findByPlan(parts, plan, signal).catch(ignore)
      const entry = item?.file && toEntry(item)
      if (entry && (await isSameContent(entry, content, digests).catch(() => false))) return entry
      throw error
    }
  }

  return {
    provider: 'onedrive',
    capabilities: {
      presignedUrls: false,
      reservedKeys: false,
      resumableUploads: true,
      checksum: 'quickXorHash',
    },
    ...uploads,
    putEntry,

    async putObject(...args) {
      return (await putEntry(...args)).objectKey
    },

    getObject: (key, range, { signal } = {}) => downloadItem(parts, key, range, signal),

    async statObject(key, { signal } = {}) {
      return toEntry(await graph.getItem(byId(key), signal)).size
    },

    async statEntry(key, { signal } = {}) {
      return toEntry(await graph.getItem(byId(key), signal))
    },

    deleteObject: (key, { signal } = {}) => graph.deleteItem(key, signal),

    async presignedGetUrl() {
      throw new NotSupportedError('A presigned download URL', 'getObject')
    },

    async generatePresignedPutUrl() {
      throw new NotSupportedError('A presigned upload URL', 'putObject')
    },

    async healthCheck({ signal } = {}) {
      return graph.ping(signal).then(
        () => true,
        () => false,
      )
    },

    quota: ({ signal } = {}) => graph.quota(signal),

    directDownloadUrl: async (key, { signal } = {}) => secret((await locate(parts, key, signal)).url),
  }
}

function ignore(): void {}
