import { afterEach, describe, expect, test, vi } from 'vitest'
import { alarmCheck } from '../../../infra/operate/alarm-check.ts'
import { serve } from '../../support/serve.ts'
import { asText, resourcesOf, synthesize } from './support/stack.ts'

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Principal: unknown
  readonly Condition?: unknown
}
interface Policy {
  readonly Statement: readonly Statement[]
}

const template = synthesize({ alarmEmail: 'ops@example.com' })
const resources = (type: string) => Object.entries(resourcesOf(template, type))
const idOf = (value: unknown): string => /^<(\w+)/.exec(asText(value))?.[1] ?? ''
const service = JSON.stringify({ Service: 'cloudwatch.amazonaws.com' })
const fromHere = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }
/** What CloudWatch may do by a policy, and under which condition. */
const ofCloudWatch = ({ Statement: statements }: Policy) =>
  statements
    .filter(({ Effect, Principal }) => Effect === 'Allow' && asText(Principal) === service)
    .map(({ Action, Condition }) => ({ actions: [Action].flat(), condition: Condition }))

test('every alarm reaches somebody: its topic lets CloudWatch publish, and the topic’s key lets it encrypt', () => {
  const alarms = resources('AWS::CloudWatch::Alarm')
  expect(alarms.length).toBeGreaterThan(10)
  for (const [name, { Properties: alarm }] of alarms) {
    const targets = [alarm['AlarmActions'], alarm['OKActions']].flat()
    expect([name, targets.length]).toEqual([name, 2])
    for (const target of targets) {
      const topicId = idOf(target)
      const topic = resourcesOf(template, 'AWS::SNS::Topic')[topicId]
      const policies = resources('AWS::SNS::TopicPolicy').filter(([, { Properties }]) =>
        (Properties['Topics'] as unknown[]).some((one) => idOf(one) === topicId),
      )
      const granted = policies.flatMap(([, { Properties }]) =>
        ofCloudWatch(Properties['PolicyDocument'] as Policy),
      )
      expect(granted).toEqual([{ actions: ['sns:Publish'], condition: fromHere }])

      const key = resourcesOf(template, 'AWS::KMS::Key')[idOf(topic?.Properties['KmsMasterKeyId'])]
      expect(ofCloudWatch(key?.Properties['KeyPolicy'] as Policy)).toEqual([
        { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], condition: fromHere },
      ])

      const listeners = resources('AWS::SNS::Subscription').filter(
        ([, { Properties }]) => idOf(Properties['TopicArn']) === topicId,
      )
      expect(listeners.map(([, { Properties }]) => Properties['Endpoint'])).toEqual(['ops@example.com'])
    }
  }
})

describe('the doctor', () => {
  afterEach(() => vi.unstubAllEnvs())
  const arn = 'arn:aws:sns:eu-central-1:000000000000:driveway-test-alarms'
  const tls = { Effect: 'Deny', Principal: '*', Action: 'sns:Publish', Resource: arn }
  const byName = {
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: 'sns:Publish',
    Resource: arn,
  }
  const byDefault = {
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: ['SNS:GetTopicAttributes', 'SNS:Publish'],
  }

  /** What it has asked SNS. */
  const asked: string[] = []

  /** What it finds about a topic with these attributes; without any, the topic is not there. */
  async function findings(attributes: Readonly<Record<string, string>> | undefined, testAlarm = false) {
    const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    const entries = Object.entries(attributes ?? {}).map(
      ([key, value]) => `<entry><key>${key}</key><value>${escaped(value)}</value></entry>`,
    )
    const endpoint = await serve((req, res) => {
      req.setEncoding('utf8').on('data', (text: string) => asked.push(text))
      res.setHeader('content-type', 'text/xml')
      if (attributes === undefined) {
        res.statusCode = 404
        res.end(
          '<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>',
        )
        return
      }
      res.end(
        `<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes>${entries.join('')}</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`,
      )
    })
    vi.stubEnv('AWS_ENDPOINT_URL_SNS', endpoint)
    vi.stubEnv('AWS_REGION', 'eu-central-1')
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'local')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local-secret')
    return alarmCheck({ stage: 'test', outputs: { AlarmTopicArn: arn }, testAlarm }).run()
  }
  const policyOf = (...statements: object[]): string => JSON.stringify({ Statement: statements })

  test.each([
    ['that names CloudWatch', policyOf(tls, byName)],
    ['that a topic begins with', policyOf(byDefault)],
  ])('is content with the policy %s', async (_what, Policy) => {
    const found = await findings({ Policy, SubscriptionsConfirmed: '2', SubscriptionsPending: '0' })
    expect(found.map(({ kind }) => kind)).toEqual(['ok', 'ok'])
  })

  test.each([
    ['that lets nobody publish', policyOf(tls)],
    [
      'that lets another service publish',
      policyOf({ ...byName, Principal: { Service: 's3.amazonaws.com' } }),
    ],
    ['that lets CloudWatch do something else', policyOf({ ...byName, Action: 'sns:Subscribe' })],
  ])('finds the policy %s', async (_what, Policy) => {
    const [publish] = await findings({ Policy, SubscriptionsConfirmed: '1' })
    expect(publish).toMatchObject({
      kind: 'fault',
      says: expect.stringContaining('no alarm reaches anybody'),
    })
  })

  test('says when nobody listens, or a mail waits to be confirmed', async () => {
    const Policy = policyOf(byName)
    const [, nobody] = await findings({ Policy, SubscriptionsConfirmed: '0', SubscriptionsPending: '0' })
    expect(nobody).toMatchObject({ kind: 'note', mend: expect.stringContaining('set `alarmEmail`') })
    const [, waits] = await findings({ Policy, SubscriptionsConfirmed: '0', SubscriptionsPending: '1' })
    expect(waits).toMatchObject({ kind: 'note', mend: expect.stringContaining('confirm the mail') })
  })

  test('sends a test to whoever listens, when it is told to and not before', async () => {
    const attributes = { Policy: policyOf(byName), SubscriptionsConfirmed: '1' }
    const sent = (): string[] => asked.filter((text) => text.includes('Action=Publish'))
    asked.length = 0
    await findings(attributes)
    expect(sent()).toEqual([])
    expect((await findings(attributes, true)).map(({ says }) => says)).toContain(
      'a test was sent to whoever listens to alarms',
    )
    expect(sent()).toEqual([expect.stringContaining('Subject=driveway-test%3A%20a%20test')])
  })

  test('says when the topic is not there, or not known', async () => {
    expect(await findings(undefined)).toMatchObject([{ kind: 'fault', says: `${arn} is not there` }])
    expect(await alarmCheck({ stage: 'test', outputs: {} }).run()).toMatchObject([{ kind: 'note' }])
  })
})
