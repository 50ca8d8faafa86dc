/**
 * The AWS-compatible servers of the local stack in one process, meant to be forked; `environment` has its
 * settings (port 0 takes a free one). Sends `{ready: true}` to its parent, ends with status 0 on SIGTERM,
 * SIGINT or when the parent is gone, and with one line and status 1 when it cannot start.
 */
import * as z from 'zod/mini'
import { corsRules } from './s3/cors.ts'
import { startAwsStack, type AwsStack } from './stack.ts'

const port = z.pipe(z.string().check(z.regex(/^\d{1,5}$/)), z.transform(Number))
const environment = z.object({
  S3_PORT: port,
  DYNAMODB_PORT: port,
  SQS_PORT: port,
  SECRETS_PORT: port,
  STATE_DIR: z.string().check(z.minLength(1)),
  AWS_ACCESS_KEY_ID: z._default(z.string(), 'local'),
  AWS_SECRET_ACCESS_KEY: z._default(z.string(), 'local'),
  BUCKET_CORS: z.optional(
    z.pipe(
      z.string(),
      z.transform((text): unknown => JSON.parse(text)),
    ),
  ),
  INTAKE_VISIBILITY_SECONDS: z._default(z.pipe(z.string(), z.transform(Number)), 90),
})

const start = (): Promise<AwsStack> => {
  const settings = environment.parse(process.env)
  return startAwsStack({
    ports: {
      s3: settings.S3_PORT,
      dynamoDb: settings.DYNAMODB_PORT,
      sqs: settings.SQS_PORT,
      secrets: settings.SECRETS_PORT,
    },
    stateDir: settings.STATE_DIR,
    credentials: { accessKeyId: settings.AWS_ACCESS_KEY_ID, secretAccessKey: settings.AWS_SECRET_ACCESS_KEY },
    cors: corsRules.parse(settings.BUCKET_CORS),
    intakeVisibilityTimeout: settings.INTAKE_VISIBILITY_SECONDS,
  })
}

const starting = start()

const end = async (): Promise<void> => {
  await starting.then(
    (stack) => stack.close(),
    () => undefined,
  )
  process.exit(0)
}

process.once('SIGTERM', () => void end())
process.once('SIGINT', () => void end())
// The parent is gone, perhaps by SIGKILL: everything is on disk, so nothing is waited for.
process.once('disconnect', () => process.exit(0))

try {
  await starting
  process.send?.({ ready: true })
} catch (error) {
  console.error(error instanceof Error ? error.message : 'the AWS servers could not start')
  process.exit(1)
}
