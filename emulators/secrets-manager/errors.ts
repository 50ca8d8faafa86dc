import { AwsJsonError } from '../json-protocol.ts'

/**
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
 * and each operation's own list.
 */
const error =
  (code: string) =>
  (message: string): AwsJsonError =>
    new AwsJsonError(code, message)

export const invalidParameter = error('InvalidParameterException')
export const invalidRequest = error('InvalidRequestException')
export const limitExceeded = error('LimitExceededException')
export const resourceExists = error('ResourceExistsException')

const notFound = error('ResourceNotFoundException')
export const secretNotFound = (): AwsJsonError => notFound("Secrets Manager can't find the specified secret.")
export const versionNotFound = (which: string): AwsJsonError =>
  notFound(`Secrets Manager can't find the specified secret value for ${which}`)
