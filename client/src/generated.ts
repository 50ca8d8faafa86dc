// Generated from the OpenAPI document (SHA-256 d388e4af11ad9ec3). Do not edit: npm run generate.
/* oxlint-disable max-lines */

export interface Connection {
  /** The connection’s id, made by us. */
  readonly id: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** pending until the consent is completed; requires_reauth when the provider no longer accepts it; disconnected when the user ended it. */
  readonly status: 'pending' | 'active' | 'requires_reauth' | 'disconnected'
  /** The account at the provider, as far as it tells. */
  readonly account?: {
    /** The account’s address or sign-in name. */
    readonly email: string
  }
  /** What the user granted, in the provider’s own words. */
  readonly scopes?: readonly string[]
  /** When it was started. */
  readonly createdAt: string
  /** When it last changed. */
  readonly updatedAt: string
  /** Why it requires reauthorization, as a stable word such as grant_revoked. */
  readonly reason?: string
}

export interface Document {
  /** The client’s own name for the document. */
  readonly id: string
  /** The connection that it is stored through. */
  readonly connectionId: string
  /** Where it is stored. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The provider’s own id of the file; absent until there is one. */
  readonly objectKey?: string
  /** What a person calls the file, byte for byte as it was given. */
  readonly name?: string
  /** receiving waits for the intake upload, uploading is on its way to the drive, parked waits for the user to reconnect; stored and failed are final. */
  readonly status: 'receiving' | 'uploading' | 'stored' | 'parked' | 'failed'
  /** Bytes. */
  readonly size: number
  /** The media type it was stored with. */
  readonly contentType: string
  /** The file name’s extension, with its dot. */
  readonly extension?: string
  /** The version that stands and can be read, a strong tag with its quotes; absent while there is none. */
  readonly etag?: string
  /** How the content was proven after the upload. */
  readonly checksum?: {
    /** The hash that the provider offers. */
    readonly algorithm: 'sha256' | 'md5' | 'quickXorHash' | 'dropboxContentHash'
    /** The provider’s own hash, in its own notation. */
    readonly value: string
    /** verified: the provider’s hash equals the hash of what was sent. provider_transformed: the provider rewrites such files. unverified: the provider gives no hash of this content, or not yet. */
    readonly verdict: 'verified' | 'provider_transformed' | 'unverified' | 'mismatch'
  }
  /** How far the transfer to the drive is, while there is one. */
  readonly progress?: {
    /** Bytes that the provider has acknowledged. */
    readonly bytesTransferred: number
    /** Bytes in all. */
    readonly bytesTotal: number
  }
  /** Why it failed or is parked. */
  readonly error?: {
    /** One of the error codes. */
    readonly code: ErrorCode
    /** A sentence for a person. */
    readonly detail: string
  }
  /** When the document was first announced or stored. */
  readonly createdAt: string
  /** When it last changed. */
  readonly updatedAt: string
}

export interface Health {
  /** The provider answered for this connection just now. */
  readonly healthy: boolean
  /** The connection’s status after the check. */
  readonly status: 'pending' | 'active' | 'requires_reauth' | 'disconnected'
  /** When the check was made. */
  readonly checkedAt: string
  /** How long the provider took, in milliseconds. */
  readonly latencyMs: number
  /** Why it is not healthy. */
  readonly reason?: string
  /** The drive’s space, where the provider tells. */
  readonly quota?: {
    /** Bytes in use. */
    readonly used: number
    /** Bytes in all; absent when there is no limit. */
    readonly limit?: number
  }
}

export interface Problem {
  /** A URI that names the kind of problem. */
  readonly type: string
  /** The kind of problem in short words. */
  readonly title: string
  /** The HTTP status. */
  readonly status: number
  /** What is wrong this time and what to do, for a person. */
  readonly detail: string
  /** What a program acts on. The set is closed. */
  readonly code: ErrorCode
  /** The same as the x-request-id header; quote it when you report a problem. */
  readonly requestId: string
  /** The same as the Retry-After header. */
  readonly retryAfterSeconds?: number
  /** The most that the drive takes. */
  readonly limitBytes?: number
  /** The connection concerned. */
  readonly connectionId?: string
  /** What helps to go on: intake, content or reauthorize, as paths of this API. */
  readonly links?: Readonly<Record<string, string>>
}

export interface DocumentStored {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The client’s own name for the document. */
  readonly documentId: string
  /** What a person calls the file. */
  readonly name?: string
  /** Bytes of the content that stands; of what is not there when it failed or is parked. */
  readonly size: number
  /** The media type of the same. */
  readonly contentType: string
  /** The provider’s own id of the file. */
  readonly objectKey: string
  /** The version that stands now, with its quotes. */
  readonly etag: string
  /** How the content was proven. */
  readonly checksum?: {
    /** The hash that the provider offers. */
    readonly algorithm: 'sha256' | 'md5' | 'quickXorHash' | 'dropboxContentHash'
    /** The provider’s own hash, in its own notation. */
    readonly value: string
    /** verified: the provider’s hash equals the hash of what was sent. provider_transformed: the provider rewrites such files. unverified: the provider gives no hash of this content, or not yet. */
    readonly verdict: 'verified' | 'provider_transformed' | 'unverified' | 'mismatch'
  }
  /** Another version stood before. */
  readonly replaced?: true
}

export interface DocumentFailed {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The client’s own name for the document. */
  readonly documentId: string
  /** What a person calls the file. */
  readonly name?: string
  /** Bytes of the content that stands; of what is not there when it failed or is parked. */
  readonly size: number
  /** The media type of the same. */
  readonly contentType: string
  /** Why. */
  readonly error: {
    /** One of the error codes. */
    readonly code: ErrorCode
    /** A sentence for a person. */
    readonly detail: string
  }
}

export interface DocumentParked {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The client’s own name for the document. */
  readonly documentId: string
  /** What a person calls the file. */
  readonly name?: string
  /** Bytes of the content that stands; of what is not there when it failed or is parked. */
  readonly size: number
  /** The media type of the same. */
  readonly contentType: string
  /** Why it waits. */
  readonly reason:
    | 'grant_revoked'
    | 'grant_expired'
    | 'consent_required'
    | 'scope_missing'
    | 'interaction_required'
    | 'account_disabled'
    | 'policy_blocked'
    | 'refresh_token_missing'
}

export interface DocumentDeleted {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The client’s own name for the document. */
  readonly documentId: string
  /** What a person calls the file. */
  readonly name?: string
  /** Bytes of the content that stands; of what is not there when it failed or is parked. */
  readonly size: number
  /** The media type of the same. */
  readonly contentType: string
}

export interface DocumentChanged {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** The client’s own name for the document. */
  readonly documentId: string
  /** What a person calls the file. */
  readonly name?: string
  /** Bytes of the content that stands; of what is not there when it failed or is parked. */
  readonly size: number
  /** The media type of the same. */
  readonly contentType: string
  /** What its user has done to the file in the drive. */
  readonly change: 'edited' | 'renamed' | 'moved' | 'trashed' | 'restored' | 'removed'
}

export interface ConnectionActivated {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
}

export interface ConnectionRequiresReauth {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** Why the provider no longer accepts the consent. */
  readonly reason:
    | 'grant_revoked'
    | 'grant_expired'
    | 'consent_required'
    | 'scope_missing'
    | 'interaction_required'
    | 'account_disabled'
    | 'policy_blocked'
    | 'refresh_token_missing'
}

export interface ConnectionDisconnected {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** The connection. */
  readonly connectionId: string
  /** Where its documents go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
}

export interface IntakeRejected {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** The intake bucket. */
  readonly bucket: string
  /** The object’s key. */
  readonly key: string
  /** Why it was rejected. */
  readonly reason:
    | 'key_not_in_scheme'
    | 'connection_unknown'
    | 'document_elsewhere'
    | 'name_taken'
    | 'content_encoded'
    | 'name_invalid'
    | 'archived'
}

export interface UserErased {
  /** The same when the event is delivered again. */
  readonly eventId: string
  /** A new number means that a field has another meaning. */
  readonly schemaVersion: 1
  /** When it became true. */
  readonly occurredAt: string
  /** 1, 2, 3 … within one document or connection. */
  readonly seq: number
  /** Whom it is about, as the sub of their token says it. */
  readonly userId: string
  /** What was asked for the files in the user’s own drive. */
  readonly files: 'keep' | 'delete'
}

export interface WebhookTest {
  /** The webhook that was to be tested. */
  readonly webhookId: string
}

export interface StartConnectionBody {
  /** Where documents will go. */
  readonly provider: 'google-drive' | 'onedrive' | 'dropbox' | 's3'
  /** Where the browser comes back to; must match the deployment’s allow-list. Without one, a page shows the completion code. */
  readonly returnUrl?: string | undefined
}

export interface CompleteConnectionBody {
  /** The code that came back with the browser. It works once, for the user who started. */
  readonly completionCode: string
}

export interface ReauthorizeBody {
  /** Where the browser comes back to; must match the deployment’s allow-list. */
  readonly returnUrl?: string | undefined
}

export interface RenameBody {
  /** What a person calls the file from now on. */
  readonly name: string
}

export interface ContentLinkBody {
  /** How long the link works, in minutes. */
  readonly expiresInMinutes?: number | undefined
}

export interface DownloadUrlBody {
  /** How long the URL works, in minutes. */
  readonly expiresInMinutes?: number | undefined
}

export interface UploadUrlBody {
  /** Which connection; may be left out when there is exactly one active. */
  readonly connectionId?: string | undefined
  /** The document’s media type. */
  readonly contentType: string
  /** The file name’s extension, with its dot. */
  readonly extension?: string | undefined
  /** What a person calls the file; it never decides which document is meant. */
  readonly name?: string | undefined
  /** How many bytes will come; the URL then takes no other number. */
  readonly size?: number | undefined
  /** Their SHA-256 in lower-case hex; the URL then takes no other bytes. */
  readonly sha256?: string | undefined
  /** How long the URL works, in minutes. */
  readonly expiresInMinutes?: number | undefined
}

export interface IntakeBody {
  /** Which connection; may be left out when there is exactly one active. */
  readonly connectionId?: string | undefined
  /** The document’s media type. */
  readonly contentType: string
  /** The file name’s extension, with its dot. */
  readonly extension?: string | undefined
  /** What a person calls the file; it never decides which document is meant. */
  readonly name?: string | undefined
  /** How many bytes will come. */
  readonly size: number
  /** True for an upload in parts, which goes on after anything; needed above 5 GiB. */
  readonly multipart?: boolean | undefined
  /** Their SHA-256 in lower-case hex; the transfer fails with digest_mismatch when it is another. */
  readonly sha256?: string | undefined
}

export interface ConnectionAnswer {
  /** The connection. */
  readonly connection: Connection
}

export interface AuthorizationAnswer {
  /** The connection, pending until it is completed. */
  readonly connection: Connection
  /** Where to send the user’s browser; absent for s3. */
  readonly authorizationUrl?: string
}

export interface ConnectionsAnswer {
  /** All of the user’s connections. */
  readonly connections: readonly Connection[]
}

export interface DocumentAnswer {
  /** The document. */
  readonly document: Document
}

export interface DocumentsAnswer {
  /** One page. */
  readonly documents: readonly Document[]
  /** Pass it as cursor for the next page; absent on the last. */
  readonly nextCursor?: string
}

export interface IntakeAnswer {
  /** The document, receiving. */
  readonly document: Document
  /** The one request that uploads the bytes; with multipart, the parts that do. */
  readonly upload:
    | {
        /** The method. */
        readonly method: 'PUT'
        /** The URL. It is its own credential: send no Authorization header. */
        readonly url: string
        /** Send exactly these headers. */
        readonly headers: Readonly<Record<string, string>>
        /** Until when the upload can begin. */
        readonly expiresAt: string
      }
    | {
        /** Each part has a PUT of its own. */
        readonly method: 'MULTIPART'
        /** The upload, for every later request about it. */
        readonly uploadId: string
        /** Bytes of every part but the last. */
        readonly partSize: number
        /** How many parts there are. */
        readonly partCount: number
        /** Until when the upload is open. */
        readonly expiresAt: string
        /** The first parts; ask for the others when they are due. */
        readonly parts: readonly {
          /** Which part. */
          readonly number: number
          /** Where its bytes are PUT. It is its own credential. */
          readonly url: string
          /** Send exactly these headers. */
          readonly headers: Readonly<Record<string, string>>
        }[]
      }
}

export interface PartsBody {
  /** The upload. */
  readonly uploadId: string
  /** Which parts, from 1 on. */
  readonly numbers: readonly number[]
}

export interface PartsAnswer {
  /** What each part is PUT to. */
  readonly parts: readonly {
    /** Which part. */
    readonly number: number
    /** Where its bytes are PUT. It is its own credential. */
    readonly url: string
    /** Send exactly these headers. */
    readonly headers: Readonly<Record<string, string>>
    /** Until when its PUT can begin. */
    readonly expiresAt: string
  }[]
}

export interface OpenUploadAnswer {
  /** The document, receiving. */
  readonly document: Document
  /** The upload that is open. */
  readonly upload: {
    /** The upload, for every later request about it. */
    readonly uploadId: string
    /** Bytes of every part but the last. */
    readonly partSize: number
    /** How many parts there are. */
    readonly partCount: number
    /** How many bytes were announced. */
    readonly size: number
    /** The SHA-256 that was announced. */
    readonly sha256?: string
    /** The parts that have arrived. */
    readonly stored: readonly {
      /** Which part. */
      readonly number: number
      /** Its bytes. */
      readonly size: number
      /** Its tag in the bucket. */
      readonly etag: string
    }[]
  }
}

export interface CompleteUploadBody {
  /** The upload. */
  readonly uploadId: string
}

export interface ContentLinkAnswer {
  /** The link. It is its own credential, and ends with the document and its connection. */
  readonly url: string
  /** Until when it works. */
  readonly expiresAt: string
}

export interface UploadUrlAnswer {
  /** The method. */
  readonly method: 'PUT'
  /** The URL. It is its own credential: send no Authorization header. */
  readonly url: string
  /** Send exactly these headers. */
  readonly headers: Readonly<Record<string, string>>
  /** Until when the upload can begin. */
  readonly expiresAt: string
}

export interface DownloadUrlAnswer {
  /** The method. */
  readonly method: 'GET'
  /** The URL. It is its own credential. */
  readonly url: string
  /** Until when it works. */
  readonly expiresAt: string
}

export interface ErasureAnswer {
  /** The erasure. */
  readonly erasure: {
    /** The erasure’s id, and that of its event. */
    readonly id: string
    /** Who is erased. */
    readonly userId: string
    /** waiting: nothing is there any more but marks that keep late writes out. */
    readonly status: 'running' | 'waiting' | 'done'
    /** What becomes of the files in the user’s own drive. */
    readonly files: 'keep' | 'delete'
    /** When it was asked for. */
    readonly startedAt: string
    /** When it was done. */
    readonly doneAt?: string
    /** What there was: connections, documents, objects; filesLeft. */
    readonly counts: Readonly<Record<string, number>>
    /** What cannot be taken back. */
    readonly kept: readonly {
      /** What outlives the erasure. */
      readonly what: string
      /** When it ends by itself. */
      readonly until: string
    }[]
  }
}

export interface ExportAnswer {
  /** The rows of this page. */
  readonly rows: readonly {
    /** Where it is kept. */
    readonly table: string
    /** As it is kept. */
    readonly row: Readonly<Record<string, unknown>>
  }[]
  /** The cursor of the next page; absent at the end. */
  readonly nextCursor?: string
}

export interface WebhookBody {
  /** Where events are sent: https, an address of the internet. */
  readonly url: string
  /** Which events; all of them when left out. */
  readonly types?:
    | readonly (
        | 'document.stored'
        | 'document.failed'
        | 'document.parked'
        | 'document.deleted'
        | 'document.changed'
        | 'connection.activated'
        | 'connection.requires_reauth'
        | 'connection.disconnected'
        | 'intake.rejected'
        | 'user.erased'
      )[]
    | undefined
}

export interface WebhookAnswer {
  /** The webhook. */
  readonly webhook: {
    /** The webhook’s id. */
    readonly id: string
    /** Where events are sent. */
    readonly url: string
    /** Which events; all of them when absent. */
    readonly types?: readonly string[]
    /** disabled: its endpoint has answered 410. */
    readonly status: 'active' | 'disabled'
    /** When it was registered. */
    readonly createdAt: string
    /** When it last changed. */
    readonly updatedAt: string
  }
  /** What its deliveries are signed with. It is told this once. */
  readonly secret: string
}

export interface WebhooksAnswer {
  /** All of them. */
  readonly webhooks: readonly {
    /** The webhook’s id. */
    readonly id: string
    /** Where events are sent. */
    readonly url: string
    /** Which events; all of them when absent. */
    readonly types?: readonly string[]
    /** disabled: its endpoint has answered 410. */
    readonly status: 'active' | 'disabled'
    /** When it was registered. */
    readonly createdAt: string
    /** When it last changed. */
    readonly updatedAt: string
  }[]
}

export interface WebhookSecretAnswer {
  /** The new secret. The one before signs too for 24 hours. */
  readonly secret: string
}

export interface DeliveriesAnswer {
  /** A page of them. */
  readonly deliveries: readonly {
    /** The event, and the delivery’s webhook-id. */
    readonly eventId: string
    /** What it tells. */
    readonly type: string
    /** dead: it was tried for a day and given up. */
    readonly status: 'pending' | 'delivered' | 'dead'
    /** How often it was sent. */
    readonly attempts: number
    /** The status of the last answer; 0 for none. */
    readonly answered?: number
    /** When it is sent next. */
    readonly nextAttemptAt?: string
    /** When it was first to be sent. */
    readonly createdAt: string
    /** When it last changed. */
    readonly updatedAt: string
  }[]
  /** The cursor of the next page; absent at the end. */
  readonly nextCursor?: string
}

/** What each event says, by its type in a webhook. */
export interface EventData {
  readonly 'document.stored': DocumentStored
  readonly 'document.failed': DocumentFailed
  readonly 'document.parked': DocumentParked
  readonly 'document.deleted': DocumentDeleted
  readonly 'document.changed': DocumentChanged
  readonly 'connection.activated': ConnectionActivated
  readonly 'connection.requires_reauth': ConnectionRequiresReauth
  readonly 'connection.disconnected': ConnectionDisconnected
  readonly 'intake.rejected': IntakeRejected
  readonly 'user.erased': UserErased
  readonly 'webhook.test': WebhookTest
}

/** What a webhook delivers, once its signature is verified. Act on `type`; there may come others. */
export type DrivewayEvent = {
  [Type in keyof EventData]: {
    readonly type: Type
    /** When it became true. */
    readonly timestamp: string
    readonly data: EventData[Type]
  }
}[keyof EventData]

/** Drives that are connected by consent: there is always a page to send the user to. */
export type ConsentProvider = 'google-drive' | 'onedrive' | 'dropbox'

export interface Operations {
  startConnection: {
    body: StartConnectionBody
    answer: AuthorizationAnswer
  }
  listConnections: {
    answer: ConnectionsAnswer
  }
  oauthCallback: {
    query?: { state?: string | undefined; code?: string | undefined; error?: string | undefined } | undefined
    answer: undefined
  }
  completeConnection: {
    path: { connectionId: string }
    body: CompleteConnectionBody
    answer: ConnectionAnswer
  }
  getConnection: {
    path: { connectionId: string }
    answer: ConnectionAnswer
  }
  deleteConnection: {
    path: { connectionId: string }
    answer: undefined
  }
  reauthorizeConnection: {
    path: { connectionId: string }
    body?: ReauthorizeBody | undefined
    answer: AuthorizationAnswer
  }
  checkHealth: {
    path: { connectionId: string }
    answer: Health
  }
  putDocument: {
    path: { documentId: string }
    query?:
      | { connectionId?: string | undefined; extension?: string | undefined; name?: string | undefined }
      | undefined
    header?:
      | {
          'content-digest'?: string | undefined
          'if-none-match'?: string | undefined
          'if-match'?: string | undefined
        }
      | undefined
    answer: DocumentAnswer
  }
  statDocument: {
    path: { documentId: string }
    header?: { 'if-none-match'?: string | undefined } | undefined
    answer: DocumentAnswer
  }
  statDocumentHead: {
    path: { documentId: string }
    header?: { 'if-none-match'?: string | undefined } | undefined
    answer: undefined
  }
  renameDocument: {
    path: { documentId: string }
    header?: { 'if-match'?: string | undefined; 'if-none-match'?: string | undefined } | undefined
    body: RenameBody
    answer: DocumentAnswer
  }
  deleteDocument: {
    path: { documentId: string }
    query?: { permanent?: 'true' | 'false' | undefined } | undefined
    header?: { 'if-match'?: string | undefined; 'if-none-match'?: string | undefined } | undefined
    answer: undefined
  }
  getDocument: {
    path: { documentId: string }
    header?:
      | { range?: string | undefined; 'if-none-match'?: string | undefined; 'if-range'?: string | undefined }
      | undefined
    answer: undefined
  }
  getDocumentHead: {
    path: { documentId: string }
    header?:
      | { range?: string | undefined; 'if-none-match'?: string | undefined; 'if-range'?: string | undefined }
      | undefined
    answer: undefined
  }
  createContentLink: {
    path: { documentId: string }
    body?: ContentLinkBody | undefined
    answer: ContentLinkAnswer
  }
  openContentLink: {
    query: { link: string }
    header?:
      | { range?: string | undefined; 'if-none-match'?: string | undefined; 'if-range'?: string | undefined }
      | undefined
    answer: undefined
  }
  openContentLinkHead: {
    query: { link: string }
    header?:
      | { range?: string | undefined; 'if-none-match'?: string | undefined; 'if-range'?: string | undefined }
      | undefined
    answer: undefined
  }
  createDownloadUrl: {
    path: { documentId: string }
    body?: DownloadUrlBody | undefined
    answer: DownloadUrlAnswer
  }
  createUploadUrl: {
    path: { documentId: string }
    body: UploadUrlBody
    answer: UploadUrlAnswer
  }
  listDocuments: {
    query?:
      | {
          connectionId?: string | undefined
          status?: 'receiving' | 'uploading' | 'stored' | 'parked' | 'failed' | undefined
          limit?: number | undefined
          cursor?: string | undefined
          order?: 'newest' | undefined
          q?: string | undefined
        }
      | undefined
    answer: DocumentsAnswer
  }
  startIntake: {
    path: { documentId: string }
    header?: { 'if-none-match'?: string | undefined; 'if-match'?: string | undefined } | undefined
    body: IntakeBody
    answer: IntakeAnswer
  }
  getUpload: {
    path: { documentId: string }
    answer: OpenUploadAnswer
  }
  cancelUpload: {
    path: { documentId: string }
    answer: undefined
  }
  signParts: {
    path: { documentId: string }
    body: PartsBody
    answer: PartsAnswer
  }
  completeUpload: {
    path: { documentId: string }
    body: CompleteUploadBody
    answer: DocumentAnswer
  }
  eraseUser: {
    path: { userId: string }
    query?: { files?: 'keep' | 'delete' | undefined } | undefined
    answer: ErasureAnswer
  }
  getErasure: {
    path: { userId: string }
    answer: ErasureAnswer
  }
  exportUser: {
    path: { userId: string }
    query?: { cursor?: string | undefined } | undefined
    answer: ExportAnswer
  }
  createWebhook: {
    body: WebhookBody
    answer: WebhookAnswer
  }
  listWebhooks: {
    answer: WebhooksAnswer
  }
  deleteWebhook: {
    path: { webhookId: string }
    answer: undefined
  }
  rotateWebhookSecret: {
    path: { webhookId: string }
    answer: WebhookSecretAnswer
  }
  testWebhook: {
    path: { webhookId: string }
    answer: undefined
  }
  listDeliveries: {
    path: { webhookId: string }
    query?: { status?: 'pending' | 'delivered' | 'dead' | undefined; cursor?: string | undefined } | undefined
    answer: DeliveriesAnswer
  }
  resendDelivery: {
    path: { webhookId: string; eventId: string }
    answer: undefined
  }
  getOpenapi: {
    answer: Readonly<Record<string, unknown>>
  }
}

/** Method and path of every operation. */
export const operations = {
  startConnection: { method: 'POST', path: '/v1/connections' },
  listConnections: { method: 'GET', path: '/v1/connections' },
  oauthCallback: { method: 'GET', path: '/v1/oauth/callback' },
  completeConnection: { method: 'POST', path: '/v1/connections/{connectionId}/complete' },
  getConnection: { method: 'GET', path: '/v1/connections/{connectionId}' },
  deleteConnection: { method: 'DELETE', path: '/v1/connections/{connectionId}' },
  reauthorizeConnection: { method: 'POST', path: '/v1/connections/{connectionId}/reauthorize' },
  checkHealth: { method: 'GET', path: '/v1/connections/{connectionId}/health' },
  putDocument: { method: 'PUT', path: '/v1/documents/{documentId}' },
  statDocument: { method: 'GET', path: '/v1/documents/{documentId}' },
  statDocumentHead: { method: 'HEAD', path: '/v1/documents/{documentId}' },
  renameDocument: { method: 'PATCH', path: '/v1/documents/{documentId}' },
  deleteDocument: { method: 'DELETE', path: '/v1/documents/{documentId}' },
  getDocument: { method: 'GET', path: '/v1/documents/{documentId}/content' },
  getDocumentHead: { method: 'HEAD', path: '/v1/documents/{documentId}/content' },
  createContentLink: { method: 'POST', path: '/v1/documents/{documentId}/content-link' },
  openContentLink: { method: 'GET', path: '/v1/content' },
  openContentLinkHead: { method: 'HEAD', path: '/v1/content' },
  createDownloadUrl: { method: 'POST', path: '/v1/documents/{documentId}/download-url' },
  createUploadUrl: { method: 'POST', path: '/v1/documents/{documentId}/upload-url' },
  listDocuments: { method: 'GET', path: '/v1/documents' },
  startIntake: { method: 'POST', path: '/v1/documents/{documentId}/intake' },
  getUpload: { method: 'GET', path: '/v1/documents/{documentId}/intake' },
  cancelUpload: { method: 'DELETE', path: '/v1/documents/{documentId}/intake' },
  signParts: { method: 'POST', path: '/v1/documents/{documentId}/intake/parts' },
  completeUpload: { method: 'POST', path: '/v1/documents/{documentId}/intake/complete' },
  eraseUser: { method: 'DELETE', path: '/v1/users/{userId}' },
  getErasure: { method: 'GET', path: '/v1/users/{userId}/erasure' },
  exportUser: { method: 'GET', path: '/v1/users/{userId}/export' },
  createWebhook: { method: 'POST', path: '/v1/webhooks' },
  listWebhooks: { method: 'GET', path: '/v1/webhooks' },
  deleteWebhook: { method: 'DELETE', path: '/v1/webhooks/{webhookId}' },
  rotateWebhookSecret: { method: 'POST', path: '/v1/webhooks/{webhookId}/rotate-secret' },
  testWebhook: { method: 'POST', path: '/v1/webhooks/{webhookId}/test' },
  listDeliveries: { method: 'GET', path: '/v1/webhooks/{webhookId}/deliveries' },
  resendDelivery: { method: 'POST', path: '/v1/webhooks/{webhookId}/deliveries/{eventId}/resend' },
  getOpenapi: { method: 'GET', path: '/v1/openapi.json' },
} as const

/** The largest body of an inline PUT, bytes. */
export const maxInlineBytes = 4194304

export const errorCodes = [
  'invalid_request',
  'connection_required',
  'unauthorized',
  'forbidden',
  'not_found',
  'connection_not_found',
  'document_not_found',
  'object_missing',
  'upload_not_found',
  'method_not_allowed',
  'connection_requires_reauth',
  'account_mismatch',
  'document_not_stored',
  'document_busy',
  'upload_incomplete',
  'precondition_failed',
  'payload_too_large',
  'unsupported_media_type',
  'range_not_satisfiable',
  'digest_mismatch',
  'provider_throttled',
  'rate_limited',
  'presigned_url_not_supported',
  'provider_error',
  'provider_unavailable',
  'provider_not_configured',
  'operator_attention',
  'provider_quota_exceeded',
  'internal_error',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/** Codes that the client adds: no answer came; the answer was none of the API’s; the content changed while it was downloaded; a transfer to the drive showed no progress for too long. */
export type ClientErrorCode = 'network_error' | 'unexpected_answer' | 'download_changed' | 'stalled'

/** What each error code means and what to do next, in words for people. */
export const errorAdvice: Readonly<
  Record<
    ErrorCode | ClientErrorCode,
    { readonly title: string; readonly meaning: string; readonly action: string }
  >
> = {
  invalid_request: {
    title: 'Invalid request',
    meaning: 'A parameter, header or body does not fit the contract; detail names it.',
    action: 'Correct the named value. The same request will be refused again.',
  },
  connection_required: {
    title: 'Connection required',
    meaning: 'No connectionId was given, and the user has no active connection or several.',
    action: 'List the connections and name one with connectionId; connect a drive first when there is none.',
  },
  unauthorized: {
    title: 'Unauthorized',
    meaning: 'There is no bearer token, or it does not verify or has expired.',
    action: 'Sign in again and repeat the request with a fresh token.',
  },
  forbidden: {
    title: 'Forbidden',
    meaning:
      'The token is good, and not for this: it lacks a scope, or is a user’s and came with Driveway-User.',
    action: 'Give the client the scope that detail names, or leave the header to machines.',
  },
  not_found: {
    title: 'Not found',
    meaning: 'There is nothing of that kind under this id.',
    action: 'Look whether the id is right, and whether it was made in this deployment.',
  },
  connection_not_found: {
    title: 'Connection not found',
    meaning: 'The connection does not exist or belongs to somebody else; the two look the same.',
    action: 'List the connections again; the user may have disconnected this one.',
  },
  document_not_found: {
    title: 'Document not found',
    meaning: 'The document does not exist or belongs to somebody else; the two look the same.',
    action: 'Check the documentId, or list the documents again.',
  },
  object_missing: {
    title: 'Object missing from the drive',
    meaning: 'The document is known, but the user has removed its file from the drive.',
    action: 'Store the document again, or delete it here so that it is no longer listed.',
  },
  upload_not_found: {
    title: 'Upload not found',
    meaning:
      'No upload of this document is open under that id: it was completed, replaced, cancelled, or has ended.',
    action: 'Read the document; unless it has arrived, start the upload anew.',
  },
  method_not_allowed: {
    title: 'Method not allowed',
    meaning: 'The path is known and does not take this method; Allow names those that it takes.',
    action: 'Use one of the methods in Allow. The routes are described at /v1/openapi.json.',
  },
  connection_requires_reauth: {
    title: 'Connection requires reauthorization',
    meaning:
      'The provider no longer accepts the user’s consent. The provider is not called again until the user reconnects.',
    action: 'Send the user through links.reauthorize. What was waiting for it goes on by itself afterwards.',
  },
  account_mismatch: {
    title: 'Account mismatch',
    meaning: 'The user reconnected with another account of the provider than the connection was made with.',
    action: 'Reconnect with the first account, or start a new connection for the other one.',
  },
  document_not_stored: {
    title: 'Document not stored yet',
    meaning:
      'Content or a URL was asked of a document that is still on its way to the drive, or never arrived.',
    action: 'Wait until the document’s status is stored.',
  },
  document_busy: {
    title: 'Document busy',
    meaning: 'Another request is writing the document, and waiting for it did not help.',
    action: 'Try again after the seconds of Retry-After.',
  },
  upload_incomplete: {
    title: 'Upload incomplete',
    meaning: 'Parts of the upload have not arrived, or have another size than they were announced with.',
    action: 'Send the parts that detail names, then complete the upload again.',
  },
  precondition_failed: {
    title: 'Precondition failed',
    meaning:
      'If-None-Match: * was sent and the document exists, or If-Match names another version than the one that stands.',
    action: 'Read the document again, then decide: use its ETag, another documentId, or no condition.',
  },
  payload_too_large: {
    title: 'Payload too large',
    meaning:
      'The body is larger than the 4 MiB that one request can carry, or the file than the drive takes: limitBytes says how much that is.',
    action: 'Upload through the intake: links.intake. The client library chooses by itself.',
  },
  unsupported_media_type: {
    title: 'Unsupported media type',
    meaning: 'The body is a form, or encoded: it is not the document’s own bytes.',
    action: 'Send the bytes of the document as the body, with its own Content-Type and no Content-Encoding.',
  },
  range_not_satisfiable: {
    title: 'Range not satisfiable',
    meaning: 'The range begins after the end of the document; Content-Range tells its size.',
    action: 'Ask for a range inside the size.',
  },
  digest_mismatch: {
    title: 'Digest mismatch',
    meaning:
      'Content-Digest or sha256 is not that of the bytes that arrived. Nothing is kept at the provider.',
    action: 'Send the bytes again; when it repeats, the file changed while it was being read.',
  },
  provider_throttled: {
    title: 'Provider throttled',
    meaning: 'The provider asked us to slow down, also after our own bounded retries.',
    action: 'Wait for Retry-After, then repeat.',
  },
  rate_limited: {
    title: 'Rate limited',
    meaning: 'A limit of this deployment for one user is met; RateLimit-Policy names it.',
    action: 'Give something of it back (disconnect a drive that is not used), or wait for Retry-After.',
  },
  presigned_url_not_supported: {
    title: 'Presigned URL not supported',
    meaning: 'This provider has no presigned URLs: users’ own drives have none.',
    action: 'Download through links.content, upload through links.intake.',
  },
  provider_error: {
    title: 'Provider error',
    meaning: 'The provider answered something unexpected.',
    action: 'Repeat later; when it persists, report the requestId.',
  },
  provider_unavailable: {
    title: 'Provider unavailable',
    meaning: 'The provider cannot be reached or keeps failing.',
    action: 'Wait for Retry-After, then repeat.',
  },
  provider_not_configured: {
    title: 'Provider not configured',
    meaning:
      'This deployment has no OAuth client for that provider, or does not offer it for new connections.',
    action: 'Offer another provider, or ask the operator to register an OAuth client, or to offer it.',
  },
  operator_attention: {
    title: 'Operator attention',
    meaning:
      'The provider refuses this deployment’s app, or the account’s organisation does not let it in; the user’s consent is fine.',
    action:
      'Tell the operator, or the organisation’s administrator. Uploads wait and go on by themselves once it is mended; repeat other requests later.',
  },
  provider_quota_exceeded: {
    title: 'Provider quota exceeded',
    meaning: 'The user’s drive is full. It is never retried by itself.',
    action: 'Ask the user to free space in the drive, then store the document again.',
  },
  internal_error: {
    title: 'Internal error',
    meaning: 'Something went wrong on our side.',
    action: 'Repeat the request; when it persists, report the requestId.',
  },
  network_error: {
    title: 'Network error',
    meaning:
      'No answer came, or the connection broke, also after the safe repeats. A page whose origin the API does not allow sees the same.',
    action:
      'Check the network, and in a page the origins that the API allows (corsOrigins; CORS_ORIGINS of a local stack). Then repeat. What a PUT or DELETE did may have been done.',
  },
  unexpected_answer: {
    title: 'Unexpected answer',
    meaning: 'Something between the client and the API answered.',
    action: 'Look at status: a proxy, a wrong baseUrl, or an outage.',
  },
  download_changed: {
    title: 'Download changed',
    meaning: 'The document was replaced while it was being downloaded.',
    action: 'Throw away what has come and download again.',
  },
  stalled: {
    title: 'Stalled',
    meaning: 'A transfer to the drive showed no progress for ten minutes.',
    action: 'It goes on without you: ask for the document later, or listen to events.',
  },
}
