import {
  AuthorizationType,
  ContentHandling,
  MockIntegration,
  PassthroughBehavior,
} from 'aws-cdk-lib/aws-apigateway'
import type { IResource } from 'aws-cdk-lib/aws-apigateway'
import { Validations } from 'aws-cdk-lib'
import { requestHeaders } from '../../lib/contract/routes.ts'

/** What browsers may send. */
const allowedHeaders = [...requestHeaders, 'x-amz-date', 'x-amzn-trace-id', 'traceparent'].join(',')

/**
 * One answer to every preflight: `origins` are compared in the
 * template, so that a stranger gets no permission.
 */
export function addPreflight(
  resource: IResource,
  methods: readonly string[],
  origins: readonly string[],
): void {
  const headers: Record<string, string> = {
    'Access-Control-Allow-Methods': `'${methods.join(',')}'`,
    'Access-Control-Allow-Headers': `'${allowedHeaders}'`,
    'Access-Control-Max-Age': "'3600'",
    Vary: "'Origin'",
  }
  const named = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [`method.response.header.${name}`, value]),
  )
  const allowed = origins.map((origin) => `$origin == "${origin}"`).join(' || ')
  const template = [
    '#set($origin = $input.params().header.get("origin"))',
    '#if(!$origin || $origin == "")#set($origin = $input.params().header.get("Origin"))#end',
    `#if(${allowed})`,
    '#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)',
    '#end',
  ].join('\n')
  const method = resource.addMethod(
    'OPTIONS',
    new MockIntegration({
      // With `*/*` as a binary media type the mapping template would get bytes, and answer 500.
      contentHandling: ContentHandling.CONVERT_TO_TEXT,
      passthroughBehavior: PassthroughBehavior.NEVER,
      requestTemplates: { 'application/json': '{"statusCode":204}' },
      integrationResponses: [
        {
          statusCode: '204',
          contentHandling: ContentHandling.CONVERT_TO_TEXT,
          responseParameters: named,
          responseTemplates: { 'application/json': template },
        },
      ],
    }),
    {
      authorizationType: AuthorizationType.NONE,
      methodResponses: [
        {
          statusCode: '204',
          responseParameters: Object.fromEntries(Object.keys(named).map((name) => [name, true])),
        },
      ],
    },
  )
  const reason = 'A preflight carries no token by definition, and this one answers without calling anything.'
  Validations.of(method).acknowledge(
    { id: 'AwsSolutions-APIG4', reason },
    { id: 'AwsSolutions-COG4', reason },
  )
}
