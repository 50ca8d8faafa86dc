import type { Route } from './route.ts'
import { alwaysErrors as always, plain } from './route-parts.ts'
import * as schemas from './user-schemas.ts'

const ofUser = {
  ...plain,
  access: 'machine',
  scope: 'users.erase',
  pathParameters: schemas.userPath,
} as const

/** Users as such: what machines alone may ask. */
export const userRoutes = {
  eraseUser: {
    ...ofUser,
    operation: 'eraseUser',
    functionName: 'begin-erasure',
    methods: ['DELETE'],
    path: '/v1/users/{userId}',
    summary:
      'Erase a user: connections, documents, grants, and every byte of ours. Repeating it answers the same erasure.',
    query: schemas.eraseQuery,
    answers: [{ status: 202, description: 'It is under way.', schema: schemas.erasureAnswer }],
    errors: always,
  },
  getErasure: {
    ...ofUser,
    operation: 'getErasure',
    functionName: 'get-erasure',
    methods: ['GET'],
    path: '/v1/users/{userId}/erasure',
    summary: 'How far an erasure is; afterwards its receipt.',
    answers: [{ status: 200, description: 'The erasure.', schema: schemas.erasureAnswer }],
    errors: [...always, 'not_found'],
  },
  exportUser: {
    ...ofUser,
    operation: 'exportUser',
    functionName: 'export-user',
    methods: ['GET'],
    path: '/v1/users/{userId}/export',
    summary: 'Everything that is kept of a user, row by row, a page at a time; no secret is among it.',
    query: schemas.exportQuery,
    answers: [
      { status: 200, description: 'A page; nextCursor when there is more.', schema: schemas.exportAnswer },
    ],
    errors: always,
  },
} as const satisfies Record<string, Route>
