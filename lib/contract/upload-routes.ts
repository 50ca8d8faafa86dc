import type { Route } from './route.ts'
import { alwaysErrors as always, ofDocument } from './route-parts.ts'
import * as schemas from './schemas.ts'

/** What follows an announced upload until its bytes are there. */
export const uploadRoutes = {
  signParts: {
    ...ofDocument,
    operation: 'signParts',
    functionName: 'sign-parts',
    methods: ['POST'],
    path: '/v1/documents/{documentId}/intake/parts',
    scope: 'documents.write',
    summary: 'URLs for parts of an open upload.',
    body: { kind: 'json', schema: schemas.partsBody },
    answers: [{ status: 200, description: 'One URL for each part.', schema: schemas.partsAnswer }],
    errors: [...always, 'upload_not_found'],
  },
  getUpload: {
    ...ofDocument,
    operation: 'getUpload',
    functionName: 'get-upload',
    methods: ['GET'],
    path: '/v1/documents/{documentId}/intake',
    scope: 'documents.read',
    summary: 'The open upload in parts, and what of it has arrived: enough to go on after anything.',
    answers: [{ status: 200, description: 'The upload.', schema: schemas.openUploadAnswer }],
    errors: [...always, 'upload_not_found'],
  },
  completeUpload: {
    ...ofDocument,
    operation: 'completeUpload',
    functionName: 'complete-upload',
    methods: ['POST'],
    path: '/v1/documents/{documentId}/intake/complete',
    scope: 'documents.write',
    summary: 'All parts are there: the transfer to the drive begins. Repeating it changes nothing.',
    body: { kind: 'json', schema: schemas.completeUploadBody },
    answers: [{ status: 202, description: 'It is on its way.', schema: schemas.documentAnswer }],
    errors: [...always, 'upload_not_found', 'upload_incomplete'],
  },
  cancelUpload: {
    ...ofDocument,
    operation: 'cancelUpload',
    functionName: 'cancel-upload',
    methods: ['DELETE'],
    path: '/v1/documents/{documentId}/intake',
    scope: 'documents.write',
    summary: 'Gives an announced upload up; what is stored stays as it is.',
    answers: [{ status: 204, description: 'No upload is open.' }],
    errors: [...always, 'document_busy'],
  },
} as const satisfies Record<string, Route>
