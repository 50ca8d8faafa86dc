import type * as z from 'zod/mini'
import type { ErrorCode } from '../errors.ts'
import type { Scope } from './scopes.ts'
import type { Documented } from './words.ts'

/**
 * One route as data: both gateways, the OpenAPI document, the handler's types and the client come from it.
 */
export type Route = RouteParts & Access

/** Whom it answers: everybody, a user and, with the scope, a machine that acts for one, or machines alone. */
type Access =
  | { readonly access: 'public' }
  | { readonly access: 'user'; readonly scope: Scope }
  | { readonly access: 'machine'; readonly scope: Scope }

interface RouteParts {
  /** The OpenAPI operation id, in camelCase. */
  readonly operation: string
  /** The Lambda function's file under `functions/`, without its ending. */
  readonly functionName: string
  readonly methods: readonly ('GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE')[]
  /** An API Gateway resource path: `/v1/documents/{documentId}`. */
  readonly path: string
  readonly summary: string
  readonly pathParameters: z.ZodMiniObject
  readonly query: z.ZodMiniObject
  /** Request headers that mean something here, in lower case, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body:
    | { readonly kind: 'none' }
    | { readonly kind: 'json'; readonly schema: z.ZodMiniType & Documented; readonly optional?: boolean }
    /** A form as browsers send it. */
    | { readonly kind: 'form'; readonly schema: z.ZodMiniType }
    | { readonly kind: 'bytes' }
  readonly answers: readonly Answer[]
  readonly errors: readonly ErrorCode[]
  /** The response is streamed (API Gateway `responseTransferMode: STREAM`). */
  readonly streaming?: boolean
}

export interface Answer {
  readonly status: number
  readonly description: string
  readonly schema?: z.ZodMiniType & Documented
  /** A media type when the answer is not JSON. */
  readonly mediaType?: string
  /** Response headers, in lower case, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a handler is given, by its route. */
export type PathOf<R extends Route> = z.infer<R['pathParameters']>
export type QueryOf<R extends Route> = z.infer<R['query']>
export type BodyOf<R extends Route> = R['body'] extends {
  kind: 'json' | 'form'
  schema: infer S extends z.ZodMiniType
}
  ? z.infer<S>
  : R['body'] extends { kind: 'bytes' }
    ? Buffer
    : undefined

/** Where a browser comes by itself, and is answered with pages, also when something goes wrong. */
export const answersWithPages = ({ answers }: Route): boolean =>
  answers.some(({ mediaType }) => mediaType === 'text/html')
