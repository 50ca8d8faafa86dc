import type { Clock } from '../../clock.ts'
import { maxInlineBytes } from '../../contract/limits.ts'
import { isServiceError, NotSupportedError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import type { SendRequest } from '../../net/http-client.ts'
import type { ObserveCall } from '../../net/provider-http.ts'
import { providerHttp } from '../../net/provider-http.ts'
import type { TokenSource } from '../../net/token-source.ts'
import { secret } from '../../secret.ts'
import type { Backend, EntryBackend } from '../../storage/backend.ts'
import { isSameContent, openContent, plainContentType } from '../../storage/content.ts'
import { createQuickXor } from './quick-xor-hash.ts'
import { sendWhole } from '../../storage/send-whole.ts'
import { downloadItem, locate } from './download.ts'
import { graphError } from './errors.ts'
import { graphApi } from './api.ts'
import { byId } from './names.ts'
import { findByPlan, writeAtPlace } from './placement.ts'
import { rewrites } from './rewriting.ts'
import { toEntry } from './wire.ts'
import { oneDriveUploads } from './sessions.ts'

export interface OneDriveOptions {
  readonly connectionId: ConnectionId
  readonly accountId?: string | undefined
  readonly tokens: TokenSource
  readonly clock: Clock
  /** One origin in place of Microsoft's (a simulator). */
  readonly endpoint?: string | undefined
  /** The folder that the users' folders go into; the drive's root when absent. */
  readonly folder?: string | undefined
  readonly observe?: ObserveCall | undefined
  readonly send?: SendRequest | undefined
}

/**
 * Up to so many bytes go with one request: half the calls of a session, and nothing that a crash could leave open; a session cannot carry an
 * empty file at all. 250 MB are documented today, 4 MB were for years. https://learn.microsoft.com/graph/api/driveitem-put-content
 */
const oneRequestBytes = maxInlineBytes

const digests = { quickXorHash: createQuickXor } as const

/** OneDrive through Microsoft Graph for one connection. Its quirks stand in README.md. Callers hold it through the port. */
export function oneDriveBackend(options: OneDriveOptions): Backend {
  const { connectionId, accountId, tokens, clock, folder, observe } = options
  const endpoint = options.endpoint ?? 'https://graph.microsoft.com'
  const http = providerHttp({
    provider: 'onedrive',
    tokens,
    clock,
    observe,
    send: options.send,
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
    const putWhole = (address: string, createOnly: boolean) => {
      const body = { length: content.size, open: () => openContent(content) }
      const type = plainContentType(contentType)
      return graph.putContent(address, { body, contentType: type, createOnly }, signal)
    }
    const replace = (id: string) => putWhole(byId(id), false)
    try {
      if (content.size > oneRequestBytes) return await sendWhole(uploads, plan, content, signal)
      const item = target
        ? await replace(target.objectKey)
        : await writeAtPlace(
            parts,
            plan,
            { create: (address) => putWhole(address, true), existing: ({ id }) => replace(id) },
            signal,
          )
      return toEntry(item)
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
      placeholders: true,
      checksum: 'quickXorHash',
      rewrites: (extension) => rewrites(accountId, extension),
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

    deleteObject: (key, options) => graph.deleteItem(key, options),

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
