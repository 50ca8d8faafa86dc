import {
  AuthorizationType,
  ContentHandling,
  MockIntegration,
  PassthroughBehavior,
} from 'aws-cdk-lib/aws-apigateway'
import type { IResource } from 'aws-cdk-lib/aws-apigateway'
import { Validations } from 'aws-cdk-lib'
import { problemTypes } from '../../lib/contract/problems.ts'

/**
 * A request with a body of another kind is answered 415 by the gateway:
 * its templates are found by the media type.
 */
const mediaTypes = [
  'application/json',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
]

/** Answers what a path has no method for with 405 and `Allow`, which a gateway response cannot know. */
export function refuseOtherMethods(resource: IResource, methods: readonly string[], cors: boolean): void {
  const allow = [...methods, ...(cors ? ['OPTIONS'] : [])].join(', ')
  const { status, title } = problemTypes.method_not_allowed
  const statusCode = String(status)
  const problem = {
    type: 'urn:driveway:problem:method_not_allowed',
    title,
    status,
    detail: `This path takes ${allow}.`,
    code: 'method_not_allowed',
    requestId: '$context.requestId',
  }
  const headers: Record<string, string> = {
    Allow: `'${allow}'`,
    'Cache-Control': "'no-store'",
    'Content-Type': "'application/problem+json'",
    'Strict-Transport-Security': "'max-age=63072000; includeSubDomains'",
    'X-Content-Type-Options': "'nosniff'",
    'x-request-id': 'context.requestId',
    ...(cors ? { 'Access-Control-Allow-Origin': "'*'" } : {}),
  }
  const named = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [`method.response.header.${name}`, value]),
  )
  const method = resource.addMethod(
    'ANY',
    new MockIntegration({
      // With `*/*` as a binary media type the mapping template would get bytes, and answer 500.
      contentHandling: ContentHandling.CONVERT_TO_TEXT,
      passthroughBehavior: PassthroughBehavior.NEVER,
      requestTemplates: Object.fromEntries(mediaTypes.map((type) => [type, `{"statusCode":${statusCode}}`])),
      integrationResponses: [
        {
          statusCode,
          contentHandling: ContentHandling.CONVERT_TO_TEXT,
          responseParameters: named,
          responseTemplates: { 'application/json': JSON.stringify(problem) },
        },
      ],
    }),
    {
      authorizationType: AuthorizationType.NONE,
      methodResponses: [
        {
          statusCode,
          responseParameters: Object.fromEntries(Object.keys(named).map((name) => [name, true])),
        },
      ],
    },
  )
  const reason = 'It answers the same to everybody, from the published description, and calls nothing.'
  Validations.of(method).acknowledge(
    { id: 'AwsSolutions-APIG4', reason },
    { id: 'AwsSolutions-COG4', reason },
  )
}
