import { checksOf } from './operate/checks.ts'
import type { Check, Finding } from './operate/finding.ts'
import type { Target } from './operate/command-line.ts'
import { readTarget } from './operate/command-line.ts'

/**
 * `npm run doctor -- --stage {stage}`: looks at a deployment, says what
 * is wrong and how to mend it. Changes nothing; status 1 for a fault.
 */
const help = `  --test-alarm     tells the alarms' topic something, for whoever listens to see`

const marks: Readonly<Record<Finding['kind'], string>> = { ok: 'ok   ', note: 'note ', fault: 'WRONG' }

/** Errors of AWS that are about whoever runs this, not about the deployment. */
function whoRunsThis(error: Error): string | undefined {
  if (
    /^(?:CredentialsProviderError|ExpiredToken|UnrecognizedClientException|InvalidClientTokenId)/.test(
      error.name,
    )
  ) {
    return 'sign in to AWS first: aws sso login, or AWS_PROFILE'
  }
  if (error.name.startsWith('AccessDenied'))
    return 'this needs a role that may read the deployment’s resources and decrypt with its key'
  return /Region is missing/.test(error.message)
    ? 'write the region into the stage’s file, or set AWS_REGION'
    : undefined
}

async function look(check: Check): Promise<readonly Finding[]> {
  try {
    return await check.run()
  } catch (error) {
    const failure = error instanceof Error ? error : new Error('failed')
    return [
      {
        kind: 'fault',
        says: `${check.name}: ${failure.name}`,
        mend: whoRunsThis(failure) ?? failure.message,
      },
    ]
  }
}

async function lookAtAll(target: Target): Promise<void> {
  console.log(`driveway-${target.stage} in ${process.env['AWS_REGION'] ?? 'the region of your AWS profile'}`)
  let faults = 0
  for (const check of checksOf(target)) {
    for (const { kind, says, mend } of await look(check)) {
      if (kind === 'fault') faults += 1
      console.log(`${marks[kind]}  ${says}${mend === undefined ? '' : `\n       ${mend}`}`)
    }
  }
  console.log(faults === 0 ? `\ndriveway-${target.stage} is well.` : `\n${faults} wrong.`)
  process.exitCode = faults === 0 ? 0 : 1
}

try {
  const target = readTarget({ name: 'doctor', help }, process.argv.slice(2), process.env)
  if (target !== undefined) await lookAtAll(target)
} catch (error) {
  console.error(`doctor: ${error instanceof Error ? error.message : 'failed'}`)
  process.exitCode = 1
}
