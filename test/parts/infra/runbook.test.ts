import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { resourcesOf, synthesize } from './support/stack.ts'

const runbook = readFileSync('infra/RUNBOOK.md', 'utf8')
const template = synthesize({
  alarmEmail: 'ops@example.com',
  runbookUrl: 'https://wiki.example.com/driveway',
})
const alarms = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).map(
  ({ Properties }) => Properties,
)

/** The runbook's entries about alarms: everything below the heading “Alarms”. */
const entries = new Map(
  (runbook.split(/^## Alarms$/m)[1]?.split(/^## /m)[0] ?? '')
    .split(/^### /m)
    .slice(1)
    .map((entry) => [entry.slice(0, entry.indexOf('\n')).trim(), entry]),
)

test('alarms and runbook entries match one to one', () => {
  const names = alarms.map((alarm) => String(alarm['AlarmName']).replace('driveway-test-', ''))
  expect([...entries.keys()].sort()).toEqual(names.sort())
})

test('each alarm links to its entry, and tells the topic when it begins and ends', () => {
  for (const alarm of alarms) {
    const name = String(alarm['AlarmName']).replace('driveway-test-', '')
    expect(alarm['AlarmDescription']).toContain(`https://wiki.example.com/driveway#${name}`)
    expect([alarm['AlarmActions'], alarm['OKActions']]).toEqual([[expect.anything()], [expect.anything()]])
  }
})

test('each entry says what it means, where to look and what to do', () => {
  for (const entry of entries.values()) {
    for (const part of ['**Means.**', '**Look at.**', '**Do.**']) expect(entry).toContain(part)
  }
})

test('our own metrics are asked for by the names that the functions write', () => {
  const source = readFileSync('lib/telemetry/metrics.ts', 'utf8')
  const own = alarms
    .filter((alarm) => alarm['Namespace'] === 'Driveway')
    .map((alarm) => String(alarm['MetricName']))
  expect(own.length).toBeGreaterThan(3)
  for (const name of own) expect(source).toContain(`'${name}'`)
  for (const alarm of alarms.filter(({ Namespace }) => Namespace === 'Driveway')) {
    expect(alarm['Dimensions']).toEqual([{ Name: 'stage', Value: 'test' }])
  }
})
