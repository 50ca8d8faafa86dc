import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { authorizationStore } from '../catalog/authorizations.ts'
import { connectionStore } from '../catalog/connections.ts'
import { documentCatalog } from '../catalog/documents.ts'
import { tokenStore } from '../catalog/tokens.ts'
import { systemClock } from '../clock.ts'
import { once, required } from './settings.ts'

const now = (): number => systemClock.now()

/** One DynamoDB client for a process. */
export const dynamo = once(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 4 }), {
    marshallOptions: { removeUndefinedValues: true },
  }),
)

export const documents = once(() => documentCatalog(dynamo(), required('DOCUMENTS_TABLE'), now))
export const connections = once(() => connectionStore(dynamo(), required('CONNECTIONS_TABLE'), now))
export const tokens = once(() => tokenStore(dynamo(), required('TOKENS_TABLE')))
export const authorizations = once(() => authorizationStore(dynamo(), required('AUTHORIZATIONS_TABLE'), now))
