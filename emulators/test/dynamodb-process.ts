/** DynamoDB in a process of its own, to be killed: tells its parent where it listens. */
import { startDynamoDb } from '../dynamodb/server.ts'

const { endpoint } = await startDynamoDb({ port: 0, stateDir: process.argv[2] ?? '' })
process.send?.(endpoint)
process.once('disconnect', () => process.exit(0))
