import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'

/**
 * The least that any function here can be: the two AWS clients. The
 * start of every other function is measured against it.
 */
const dynamodb = new DynamoDBClient({})
const secrets = new SecretsManagerClient({})

export const handler = async (): Promise<void> => {
  await dynamodb.send(new GetItemCommand({ TableName: 'reference', Key: { id: { S: 'reference' } } }))
  await secrets.send(new GetSecretValueCommand({ SecretId: 'reference' }))
}
