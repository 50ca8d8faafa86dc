import type { Context } from 'aws-lambda'
import { randomUUID } from 'node:crypto'

/** A Lambda context for one call that may take `timeoutMs`. https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
export const localContext = (functionName: string, timeoutMs: number): Context => {
  const deadline = performance.now() + timeoutMs
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
    // The callback style that Node 24 in Lambda no longer has; only the type still asks for it.
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  }
}
