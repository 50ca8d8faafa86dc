import { downloadDocument } from './download.ts'
import type { Download, DownloadOptions } from './download.ts'
import type * as generated from './generated.ts'
import { isDrivewayError } from './errors.ts'
import { apiOf } from './request.ts'
import type { Api, CallOptions, Query, TokenSource } from './request.ts'
import { realWait } from './retry.ts'
import type { RetrySettings } from './retry.ts'
import { watchDocument } from './settle.ts'
import type { WatchOptions } from './settle.ts'
import type { Transport, Uploadable } from './transport.ts'
import { uploadDocument } from './upload.ts'
import type { UploadOptions } from './upload-options.ts'

type Provider = generated.StartConnectionBody['provider']
type WithConsent = Required<generated.AuthorizationAnswer>
/** What starting answers: where the consent is given, for every drive that asks for one. */
export type Started<Chosen extends Provider> = Chosen extends generated.ConsentProvider
  ? WithConsent
  : generated.AuthorizationAnswer

export interface DrivewayOptions {
  /** The API's base URL, without `/v1`: `https://api.example.com`. */
  readonly baseUrl: string
  /** Gives the user's bearer token, or a server's own; called before each request, so keep it cheap. */
  readonly token: TokenSource
  /** With a server's own token: the user whom the calls are for, as the `sub` of their token would say it. */
  readonly user?: string | undefined
  readonly fetch?: typeof fetch | undefined
  readonly retry?: Partial<RetrySettings> | undefined
}

/**
 * Every operation of the API. Each rejects with a DrivewayError, or with the reason of an aborted `signal`.
 */
export interface Driveway {
  readonly connections: {
    /** Starts connecting a drive: send the user to `authorizationUrl`. */
    start<Body extends generated.StartConnectionBody>(
      body: Body,
      options?: CallOptions,
    ): Promise<Started<Body['provider']>>
    /** Finishes connecting with the code that came back with the browser. */
    complete(
      connectionId: string,
      completionCode: string,
      options?: CallOptions,
    ): Promise<generated.Connection>
    list(options?: CallOptions): Promise<readonly generated.Connection[]>
    get(connectionId: string, options?: CallOptions): Promise<generated.Connection>
    /** Connects again in place, with the same account. */
    reauthorize(
      connectionId: string,
      body?: generated.ReauthorizeBody,
      options?: CallOptions,
    ): Promise<generated.AuthorizationAnswer>
    health(connectionId: string, options?: CallOptions): Promise<generated.Health>
    disconnect(connectionId: string, options?: CallOptions): Promise<void>
  }
  readonly documents: {
    /** One page. */
    list(query?: Query<'listDocuments'>, options?: CallOptions): Promise<generated.DocumentsAnswer>
    /** All of them, page after page. */
    all(query?: Query<'listDocuments'>, options?: CallOptions): AsyncGenerator<generated.Document, void>
    /** The document, its size asked of the provider now. */
    stat(documentId: string, options?: CallOptions): Promise<generated.Document>
    exists(documentId: string, options?: CallOptions): Promise<boolean>
    /** Into the drive's trash where it has one; with `permanent` past it, where the drive can. */
    delete(documentId: string, options?: CallOptions & { readonly permanent?: boolean }): Promise<void>
    /** Another name; content and ETag stay. */
    rename(documentId: string, name: string, options?: CallOptions): Promise<generated.Document>
    /** A link that a browser downloads, plays or shows by itself. */
    contentLink(
      documentId: string,
      body?: generated.ContentLinkBody,
      options?: CallOptions,
    ): Promise<generated.ContentLinkAnswer>
    /** s3 only: a URL that needs no token. */
    downloadUrl(
      documentId: string,
      body?: generated.DownloadUrlBody,
      options?: CallOptions,
    ): Promise<generated.DownloadUrlAnswer>
    /** s3 only: a URL to upload to without a token. */
    uploadUrl(
      documentId: string,
      body: generated.UploadUrlBody,
      options?: CallOptions,
    ): Promise<generated.UploadUrlAnswer>
    /** The first step of a large upload; `upload` does all of them. */
    startIntake(
      documentId: string,
      body: generated.IntakeBody,
      options?: CallOptions,
    ): Promise<generated.IntakeAnswer>
    /** URLs for parts of an upload in parts, which `startIntake` with `multipart` began. */
    signParts(
      documentId: string,
      body: generated.PartsBody,
      options?: CallOptions,
    ): Promise<generated.PartsAnswer['parts']>
    /** The upload in parts that is open, and which of them have arrived. */
    openUpload(documentId: string, options?: CallOptions): Promise<generated.OpenUploadAnswer>
    /** All parts have arrived. Repeating it changes nothing. */
    completeUpload(documentId: string, uploadId: string, options?: CallOptions): Promise<generated.Document>
    /** Gives an announced upload up; what is stored stays. */
    cancelUpload(documentId: string, options?: CallOptions): Promise<void>
    /** The document now and at each change, until it is stored, failed or parked. */
    watch(documentId: string, options?: WatchOptions): AsyncGenerator<generated.Document, generated.Document>
  }
  /** The OpenAPI document. */
  openapi(options?: CallOptions): Promise<Readonly<Record<string, unknown>>>
  /**
   * Uploads a file of any size and resolves when it is stored and verified. Small ones go in one
   * request, larger ones through the intake bucket. Rejects with `connection_requires_reauth`
   * when the document is parked: it will be stored after the user reconnects.
   */
  upload(source: Uploadable, options?: UploadOptions): Promise<generated.Document>
  /**
   * Downloads as a stream, whole or a range; broken connections are resumed, and never with other content.
   */
  download(documentId: string, options?: DownloadOptions): Promise<Download>
}

const defaultRetry: RetrySettings = { attempts: 4, maxWaitMs: 60_000, wait: realWait }

/** The API's calls as these options say. */
export function apiWith(options: DrivewayOptions): Api {
  return apiOf({
    baseUrl: options.baseUrl,
    token: options.token,
    user: options.user,
    // Browsers refuse a fetch that has lost its window.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    retry: { ...defaultRetry, ...options.retry },
  })
}

/** The client over a transport; `createDriveway` of either entry chooses it. */
export function drivewayOver(transport: Transport, options: DrivewayOptions): Driveway {
  const api = apiWith(options)
  return {
    connections: connectionCalls(api),
    documents: documentCalls(api),
    openapi: (call) => api.call('getOpenapi', {}, call),
    upload: (source, upload = {}) => uploadDocument(api, transport, source, upload),
    // Where the API would send it elsewhere, the user's name would go along.
    download: (documentId, download = {}) =>
      downloadDocument(api, documentId, download, transport.readsInPieces || options.user !== undefined),
  }
}

const atConnection = (connectionId: string) => ({ path: { connectionId } })
const atDocument = (documentId: string) => ({ path: { documentId } })

function connectionCalls(api: Api): Driveway['connections'] {
  return {
    // The API answers so for each drive; the description cannot say it.
    start: <Body extends generated.StartConnectionBody>(body: Body, options?: CallOptions) =>
      api.call('startConnection', { body }, options) as Promise<Started<Body['provider']>>,
    complete: async (id, completionCode, options) =>
      (await api.call('completeConnection', { ...atConnection(id), body: { completionCode } }, options))
        .connection,
    list: async (options) => (await api.call('listConnections', {}, options)).connections,
    get: async (id, options) => (await api.call('getConnection', atConnection(id), options)).connection,
    reauthorize: (id, body, options) =>
      api.call('reauthorizeConnection', { ...atConnection(id), body }, options),
    health: (id, options) => api.call('checkHealth', atConnection(id), options),
    disconnect: (id, options) => api.call('deleteConnection', atConnection(id), options),
  }
}

function documentCalls(api: Api): Driveway['documents'] {
  return {
    list: (query, options) => api.call('listDocuments', { query }, options),
    async *all(query, options) {
      let cursor = query?.cursor
      do {
        const page = await api.call('listDocuments', { query: { ...query, cursor } }, options)
        yield* page.documents
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },
    stat: async (id, options) => (await api.call('statDocument', atDocument(id), options)).document,
    async exists(id, options) {
      try {
        await api.call('statDocument', atDocument(id), options)
        return true
      } catch (error) {
        if (isDrivewayError(error, 'document_not_found', 'object_missing')) return false
        throw error
      }
    },
    delete: (id, { permanent, ...options } = {}) =>
      api.call(
        'deleteDocument',
        { ...atDocument(id), ...(permanent ? { query: { permanent: 'true' } } : {}) },
        options,
      ),
    rename: async (id, name, options) =>
      (await api.call('renameDocument', { ...atDocument(id), body: { name } }, options)).document,
    contentLink: (id, body, options) => api.call('createContentLink', { ...atDocument(id), body }, options),
    downloadUrl: (id, body, options) => api.call('createDownloadUrl', { ...atDocument(id), body }, options),
    uploadUrl: (id, body, options) => api.call('createUploadUrl', { ...atDocument(id), body }, options),
    startIntake: (id, body, options) => api.call('startIntake', { ...atDocument(id), body }, options),
    signParts: async (id, body, options) =>
      (await api.call('signParts', { ...atDocument(id), body }, options)).parts,
    openUpload: (id, options) => api.call('getUpload', atDocument(id), options),
    completeUpload: async (id, uploadId, options) =>
      (await api.call('completeUpload', { ...atDocument(id), body: { uploadId } }, options)).document,
    cancelUpload: (id, options) => api.call('cancelUpload', atDocument(id), options),
    watch: (id, options) => watchDocument(api, id, options),
  }
}
