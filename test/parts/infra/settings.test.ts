import { afterEach, describe, expect, test, vi } from 'vitest'
import { SettingsError } from '../../../infra/settings-error.ts'
import { readSettings } from '../../../infra/settings.ts'
import { functionEnvironment } from '../../../local/environment.ts'
import { addresses } from '../../../local/ports.ts'

const refused = (settings: Record<string, unknown>): string => {
  try {
    readSettings({ stage: 'dev' }, settings)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'taken'
}

test('a stage needs nothing but its name', () => {
  expect(readSettings({ stage: 'dev' })).toMatchObject({
    stage: 'dev',
    waf: false,
    retain: true,
    driveFolder: '',
    secretRecoveryDays: 0,
    ofProviders: { MICROSOFT_TENANT_ID: 'common' },
  })
})

test('what a provider lets a deployment choose is a setting like the others', () => {
  const { ofProviders } = readSettings({ stage: 'dev' }, { microsoftTenantId: 'consumers' })
  expect(ofProviders).toEqual({ MICROSOFT_TENANT_ID: 'consumers' })
})

test('the command line’s text becomes lists, numbers and booleans, and wins over the file', () => {
  const settings = readSettings(
    { stage: 'dev' },
    { corsOrigins: ['https://file.example'], waf: true },
    {
      corsOrigins: 'https://a.example, https://b.example',
      throttleRate: '50',
      keptUploadDays: '7',
      waf: 'false',
      driveNames: 'true',
    },
  )
  expect(settings).toMatchObject({
    corsOrigins: ['https://a.example', 'https://b.example'],
    throttleRate: 50,
    keptUploadDays: 7,
    waf: false,
    driveNames: true,
  })
})

describe('refuses, naming the setting and what it must be', () => {
  test.each([
    [{ stage: 'Production!' }, /stage: must be 1 to 12 lower-case letters/],
    [{ trottleRate: 5 }, /trottleRate: no such setting; there are stage, .*Did you mean throttleRate\?/],
    [{ retian: 'false' }, /Did you mean retain\?/],
    [{ colour: 'blue' }, /no such setting; there are stage, [^?]*$/],
    [{ corsOrigins: 'https://app.example.com/' }, /corsOrigins\.0: must be origins such as/],
    [{ corsOrigins: '*' }, /corsOrigins\.0: must be origins/],
    [{ secretRecoveryDays: '3' }, /secretRecoveryDays: must be 0, or 7 to 30/],
    [{ logRetentionDays: '91' }, /logRetentionDays: must be one of/],
    [{ offeredProviders: 's3,box' }, /offeredProviders\.1: must be of google-drive, onedrive/],
    [{ offeredProviders: '' }, /offeredProviders: must not be empty/],
    [{ throttleRate: 'many' }, /throttleRate: must be a whole number/],
    [{ issuer: 'https://login.example.com' }, /audience: needed with issuer/],
    [{ issuer: 'http://login.example.com', audience: 'a' }, /issuer: must be an https URL/],
    [{ audience: 'driveway' }, /audience, jwksUri, consoleClientId, machineClients: only with issuer/],
    [
      { issuer: 'https://login.example.com', audience: 'a', selfSignUp: 'true' },
      /selfSignUp, signInUrls, machines: only without issuer/,
    ],
    [
      { issuer: 'https://login.example.com', audience: 'a', machines: { backend: [] } },
      /selfSignUp, signInUrls, machines: only without issuer/,
    ],
    [{ machineClients: 'backend' }, /machineClients: only with issuer/],
    [{ machines: { backend: ['documents.burn'] } }, /machines\.backend\.0: must be of documents\.read/],
    [{ machines: { 'Back end': [] } }, /machines: must be named by/],
    [{ machineClients: '*' }, /machineClients\.0: must be a subject/],
    [{ domainName: 'api.example.com' }, /domainName, certificateArn: both or neither/],
    [{ hostedZoneId: 'Z123' }, /hostedZoneId, hostedZoneName: both or neither/],
    [
      {
        region: 'eu-central-1',
        domainName: 'api.example.com',
        certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/1',
      },
      /certificateArn: must be in eu-central-1/,
    ],
    [{ throttleRate: '900' }, /throttleBurst: must not be less than throttleRate/],
    [{ alarmEmail: 'nobody' }, /alarmEmail: must be an e-mail address/],
    [
      { microsoftTenantId: 'a/b', trottleRate: 5 },
      /trottleRate: no such setting[\s\S]*microsoftTenantId: must be common, organizations/,
    ],
  ])('%o', (settings, message) => {
    expect(refused(settings)).toMatch(message)
  })
})

describe('the folder in users’ drives', () => {
  afterEach(() => vi.unstubAllEnvs())
  const local = (folder: string): string | undefined => {
    vi.stubEnv('DRIVE_FOLDER', folder)
    return functionEnvironment({ addresses: addresses('9700'), simulated: [], awsEndpoint: undefined })[
      'DRIVE_FOLDER'
    ]
  }

  test.each(['', 'Driveway', 'Meine Dokumente', '書類 2026', 'contracts', 'com', 'v1.2', '.hidden'])(
    'may be %o, deployed and on this machine',
    (driveFolder) => {
      expect(readSettings({ stage: 'dev' }, { driveFolder })).toMatchObject({ driveFolder })
      expect(local(driveFolder)).toBe(driveFolder)
    },
  )

  test.each([
    'a/b',
    'a\\b',
    'what?',
    'con',
    'LPT1',
    'aux.old',
    '.lock',
    'my_vti_',
    '~temp',
    ' a',
    'a ',
    'a.',
    'x'.repeat(65),
    'a\nb',
  ])('may not be %o, which one of the drives would call otherwise', (driveFolder) => {
    expect(refused({ driveFolder })).toMatch(/driveFolder: must be one folder name that every drive takes/)
    expect(() => local(driveFolder)).toThrow(/DRIVE_FOLDER must be one folder name that every drive takes/)
  })
})
