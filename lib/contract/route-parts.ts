import type { ErrorCode } from '../errors.ts'
import type { Route } from './route.ts'
import { connectionPath, documentPath, none } from './schemas.ts'

/** A user's route that takes nothing; entries say what is otherwise. */
export const plain = {
  access: 'user',
  pathParameters: none,
  query: none,
  body: { kind: 'none' },
} as const

/** One about a document. */
export const ofDocument = { ...plain, pathParameters: documentPath } as const
/** One about a connection. */
export const ofConnection = { ...plain, pathParameters: connectionPath } as const

/** What both ways to a document's bytes take and answer. */
export const bytesOut = {
  methods: ['GET', 'HEAD'],
  headers: {
    range: 'bytes=first-last, bytes=first- or bytes=-count; one range.',
    'if-none-match': 'The ETag of what the client has; 304 when it is still current.',
    'if-range': 'The ETag of what the client has a part of; another version is sent whole.',
  },
  answers: [
    {
      status: 200,
      description: 'The bytes.',
      mediaType: '*/*',
      headers: {
        etag: 'The version of the content.',
        'accept-ranges': 'bytes',
        'content-disposition': 'A file name to save it under.',
        'content-length': 'How many bytes follow.',
      },
    },
    {
      status: 206,
      description: 'The range.',
      mediaType: '*/*',
      headers: { 'content-range': 'Which bytes of how many.' },
    },
    {
      status: 303,
      description: 'Too large to stream through the gateway: a short-lived URL.',
      headers: { location: 'Where the bytes are.' },
    },
    { status: 304, description: 'The client’s copy is current.' },
  ],
  streaming: true,
} as const satisfies Partial<Route>

/** What every user route can answer; the last two also when the gateway throttles or time runs out. */
export const alwaysErrors: readonly ErrorCode[] = [
  'invalid_request',
  'unauthorized',
  'forbidden',
  'internal_error',
  'provider_throttled',
  'provider_unavailable',
]

/** What every route that calls a provider can answer besides. */
export const providerErrors: readonly ErrorCode[] = [
  'connection_not_found',
  'connection_requires_reauth',
  'provider_error',
  'provider_not_configured',
  'operator_attention',
]
