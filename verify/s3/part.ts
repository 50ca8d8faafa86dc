import { join } from 'node:path'
import { go, python } from '../needs.ts'
import type { Outcome, Part, Workplace } from '../part.ts'
import { runTests } from '../vitest.ts'

/** https://github.com/versity/versitygw */
const VERSITYGW = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'

// S3 itself asks to end an upload again when a part of it was still arriving: a matter of chance.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
const suite = ['--project', 'conformance', '--retry', '2', 'conformance/test/s3.test.ts']
const intake = [
  '--project',
  'parts',
  'test/parts/intake/intake.test.ts',
  'test/parts/intake/s3-target.test.ts',
]

const VERSITYGW_DIFFERS = {
  'S3: sessions an expired session is gone, not an error':
    'It resets the connection of a part whose upload was aborted, where S3 answers 404.',
}
const INTAKE_DIFFERS = {
  'the intake rejects, keeps and tags an archived object': 'It keeps no storage class.',
}
const MOTO_DIFFERS = {
  'S3: sessions an expired session is gone, not an error':
    'It answers 500 to a part whose upload was aborted, where S3 answers 404.',
  'S3: the seven methods answers the stored hash, size and etag with the entry':
    'Its answer to a PUT does not have the checksum that it was given.',
  'S3: lost answers one to a creation makes one object':
    'It keeps no checksum to recognise the object by, so the document takes another name.',
  'S3: lost answers one to a creation is recognised by another process':
    'It keeps no checksum to recognise the object by, so the document takes another name.',
}

/** The `s3` backend and the intake, on servers that speak S3 and are not ours. */
export const s3: Part = {
  name: 's3',
  shows:
    'the s3 backend’s suite holds on versitygw and moto, and the intake on versitygw with its own events',
  needs: [go, python],
  minutes: 15,
  async run(at) {
    const versitygw = `versitygw:${await at.install.go(VERSITYGW)}`
    const moto = `moto:${join(await at.install.python(join(import.meta.dirname, 'requirements.txt')), 'python')}`
    return together([
      ['versitygw', await on(at, versitygw, suite, VERSITYGW_DIFFERS)],
      ['with the intake', await on(at, versitygw, intake, INTAKE_DIFFERS)],
      ['moto', await on(at, moto, suite, MOTO_DIFFERS)],
    ])
  },
}

async function on(
  at: Workplace,
  server: string,
  args: readonly string[],
  differs: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return runTests(at, { args, env: { TEST_S3_SERVER: server }, differs })
}

function together(outcomes: readonly (readonly [string, Outcome])[]): Outcome {
  return {
    passed: outcomes.reduce((sum, [, { passed }]) => sum + passed, 0),
    failed: outcomes.flatMap(([name, { failed }]) => failed.map((words) => `${name}: ${words}`)),
    figures: outcomes.map(([name, { figures }]) => `${name} ${figures}`).join(', '),
  }
}
