import { GetTopicAttributesCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import type { Check, Deployed, Finding } from './finding.ts'
import { fault, note, ok, unlessMissing } from './finding.ts'

const publisher = 'cloudwatch.amazonaws.com'

interface Statement {
  readonly Effect?: string
  readonly Principal?: string | { readonly [Kind in 'Service' | 'AWS']?: string | readonly string[] }
  readonly Action?: string | readonly string[]
}

const list = <Value>(value: Value | readonly Value[] | undefined): readonly Value[] =>
  value === undefined ? [] : ([value].flat() as readonly Value[])

/**
 * Whether a topic's policy lets CloudWatch publish: by name, or with
 * everybody of the account, as the policy does that a topic begins with.
 */
function letsAlarmsPublish(policy: string): boolean {
  const { Statement: statements } = JSON.parse(policy) as { Statement?: Statement | readonly Statement[] }
  return list(statements).some(({ Effect, Principal, Action }) => {
    const named =
      typeof Principal === 'string' ? [Principal] : [...list(Principal?.Service), ...list(Principal?.AWS)]
    const actions = list(Action).map((action) => action.toLowerCase())
    return (
      Effect === 'Allow' &&
      named.some((principal) => principal === publisher || principal === '*') &&
      actions.includes('sns:publish')
    )
  })
}

/**
 * An alarm reaches somebody: its topic is there, CloudWatch may
 * publish to it, and somebody has confirmed that they listen.
 */
export function alarmCheck({ stage, outputs, testAlarm = false }: Deployed): Check {
  const client = new SNSClient({})
  const again = `npx cdk deploy -c stage=${stage} --outputs-file dist/outputs-${stage}.json`
  return {
    name: 'alarms',
    async run(): Promise<readonly Finding[]> {
      const TopicArn = outputs['AlarmTopicArn']
      if (TopicArn === undefined) return [note('the alarms’ topic is not known', again)]
      const answer = await unlessMissing(
        client.send(new GetTopicAttributesCommand({ TopicArn })),
        'NotFound',
        'NotFoundException',
      )
      if (answer === undefined) return [fault(`${TopicArn} is not there`, again)]
      const attributes = answer.Attributes ?? {}
      if (testAlarm)
        await client.send(
          new PublishCommand({
            TopicArn,
            Subject: `driveway-${stage}: a test`,
            Message: `This is a test of the alarms of driveway-${stage}. Nothing is wrong, and nothing has to be done.`,
          }),
        )
      const listening = Number(attributes['SubscriptionsConfirmed'] ?? 0)
      return [
        ...(testAlarm ? [ok('a test was sent to whoever listens to alarms')] : []),
        letsAlarmsPublish(attributes['Policy'] ?? '{}')
          ? ok(`CloudWatch may publish to ${TopicArn}`)
          : fault(`CloudWatch may not publish to ${TopicArn}, so no alarm reaches anybody`, again),
        listening > 0
          ? ok(`${listening} confirmed to listen to alarms`)
          : note(
              'nobody listens to alarms',
              Number(attributes['SubscriptionsPending'] ?? 0) > 0
                ? 'confirm the mail that AWS has sent to `alarmEmail`'
                : 'set `alarmEmail`, or subscribe to the topic',
            ),
      ]
    },
  }
}
