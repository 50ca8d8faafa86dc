import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  InvalidRequestException,
  LimitExceededException,
  ListSecretsCommand,
  type ListSecretsCommandInput,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startSecretsManager } from '../secrets-manager/server.ts'
import { closeAfterTest, secretsClient, temporaryDirectory } from './support.ts'

const dayMs = 24 * 60 * 60 * 1000

const start = async (stateDir?: string) => {
  const time = { now: Date.now() }
  const directory = stateDir ?? (await temporaryDirectory())
  const server = closeAfterTest(
    await startSecretsManager({ port: 0, stateDir: directory, clock: () => time.now }),
  )
  return { server, client: secretsClient(server.endpoint), time, directory }
}

const read = async (
  client: SecretsManagerClient,
  SecretId: string,
  which: { VersionStage?: string; VersionId?: string } = {},
) => (await client.send(new GetSecretValueCommand({ SecretId, ...which }))).SecretString

const put = (
  client: SecretsManagerClient,
  SecretString: string,
  more: { ClientRequestToken?: string; VersionStages?: string[] } = {},
) => client.send(new PutSecretValueCommand({ SecretId: 's', SecretString, ...more }))

describe('values', () => {
  test('are found by name, ARN and ARN without its ending, as text or bytes', async () => {
    const { client } = await start()
    const { ARN = '', VersionId } = await client.send(
      new CreateSecretCommand({ Name: 'app/one', SecretString: 'välue' }),
    )
    const answer = await client.send(new GetSecretValueCommand({ SecretId: 'app/one' }))
    expect(answer).toMatchObject({
      ARN,
      Name: 'app/one',
      SecretString: 'välue',
      VersionId,
      VersionStages: ['AWSCURRENT'],
    })
    expect(answer.CreatedDate).toBeInstanceOf(Date)
    expect(await read(client, ARN)).toBe('välue')
    expect(await read(client, ARN.slice(0, -7))).toBe('välue')
    const SecretBinary = new Uint8Array([0, 1, 255])
    await client.send(new CreateSecretCommand({ Name: 'app/two', SecretBinary }))
    expect((await client.send(new GetSecretValueCommand({ SecretId: 'app/two' }))).SecretBinary).toEqual(
      SecretBinary,
    )
  })

  test('are unknown before they are made, with the exception of AWS', async () => {
    const { client } = await start()
    await expect(read(client, 'none')).rejects.toBeInstanceOf(ResourceNotFoundException)
    await client.send(new CreateSecretCommand({ Name: 's' }))
    await expect(read(client, 's')).rejects.toBeInstanceOf(ResourceNotFoundException)
    await put(client, 'first')
    expect(await read(client, 's')).toBe('first')
  })

  test('of 64 KiB fit and one byte more does not, and the refusal does not repeat them', async () => {
    const { client } = await start()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: 'é'.repeat(32_768) }))
    const tooLong = put(client, `${'é'.repeat(32_768)}x`)
    await expect(tooLong).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.not.stringContaining('é'),
    })
    await expect(
      client.send(
        new PutSecretValueCommand({ SecretId: 's', SecretString: 'a', SecretBinary: new Uint8Array([1]) }),
      ),
    ).rejects.toBeInstanceOf(InvalidParameterException)
  })
})

describe('versions', () => {
  test('move AWSCURRENT forward and keep one AWSPREVIOUS', async () => {
    const { client } = await start()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: '1' }))
    await put(client, '2')
    await client.send(new UpdateSecretCommand({ SecretId: 's', SecretString: '3', Description: 'third' }))
    expect([await read(client, 's'), await read(client, 's', { VersionStage: 'AWSPREVIOUS' })]).toEqual([
      '3',
      '2',
    ])
    const described = await client.send(new DescribeSecretCommand({ SecretId: 's' }))
    expect(Object.values(described.VersionIdsToStages ?? {})).toHaveLength(2)
    expect(described.Description).toBe('third')
  })

  test('repeat by token: the same value changes nothing, another is refused', async () => {
    const { client } = await start()
    const ClientRequestToken = randomUUID()
    const create = (SecretString: string) =>
      client.send(new CreateSecretCommand({ Name: 's', SecretString, ClientRequestToken }))
    const [first, repeated] = [await create('1'), await create('1')]
    expect([first.VersionId, repeated.ARN]).toEqual([ClientRequestToken, first.ARN])
    await expect(create('2')).rejects.toBeInstanceOf(ResourceExistsException)
    await expect(
      client.send(new CreateSecretCommand({ Name: 's', SecretString: '1' })),
    ).rejects.toBeInstanceOf(ResourceExistsException)
    const token = randomUUID()
    await put(client, '2', { ClientRequestToken: token })
    await put(client, '3')
    expect((await put(client, '2', { ClientRequestToken: token })).VersionId).toBe(token)
    expect(await read(client, 's')).toBe('3')
    await expect(put(client, 'x', { ClientRequestToken: token })).rejects.toBeInstanceOf(
      ResourceExistsException,
    )
    expect(await read(client, 's', { VersionId: token })).toBe('2')
  })

  test('AWSPENDING becomes current only when its holder is named rightly: a compare-and-set', async () => {
    const { client } = await start()
    const { VersionId: one = '' } = await client.send(
      new CreateSecretCommand({ Name: 's', SecretString: '1' }),
    )
    const { VersionId: two = '' } = await put(client, '2', { VersionStages: ['AWSPENDING'] })
    expect([await read(client, 's'), await read(client, 's', { VersionStage: 'AWSPENDING' })]).toEqual([
      '1',
      '2',
    ])
    const move = (RemoveFromVersionId?: string) =>
      client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: 's',
          VersionStage: 'AWSCURRENT',
          MoveToVersionId: two,
          RemoveFromVersionId,
        }),
      )
    await expect(move()).rejects.toBeInstanceOf(InvalidParameterException)
    await expect(move(two)).rejects.toBeInstanceOf(InvalidParameterException)
    await move(one)
    expect([await read(client, 's'), await read(client, 's', { VersionStage: 'AWSPREVIOUS' })]).toEqual([
      '2',
      '1',
    ])
    await expect(move(one)).rejects.toBeInstanceOf(InvalidParameterException)
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: 's',
        VersionStage: 'AWSPENDING',
        RemoveFromVersionId: two,
      }),
    )
    await expect(read(client, 's', { VersionStage: 'AWSPENDING' })).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    )
  })

  test('written too often within a day hit the limit, and a day later do not', async () => {
    const { client, time } = await start()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: '0' }))
    // The current and the previous one have labels; a hundred others may be without.
    for (let count = 1; count <= 101; count += 1) await put(client, String(count))
    await expect(put(client, 'one too many')).rejects.toBeInstanceOf(LimitExceededException)
    expect(await read(client, 's')).toBe('101')
    time.now += dayMs + 1
    await put(client, 'next day')
    expect(await read(client, 's')).toBe('next day')
  })
})

describe('deletion', () => {
  test('waits for its window, hides the value and holds the name; restoring undoes it', async () => {
    const { client, time } = await start()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: '1' }))
    const { DeletionDate } = await client.send(
      new DeleteSecretCommand({ SecretId: 's', RecoveryWindowInDays: 7 }),
    )
    expect(DeletionDate?.getTime()).toBe(time.now + 7 * dayMs)
    await expect(read(client, 's')).rejects.toBeInstanceOf(InvalidRequestException)
    await expect(put(client, '2')).rejects.toBeInstanceOf(InvalidRequestException)
    await expect(client.send(new DeleteSecretCommand({ SecretId: 's' }))).rejects.toBeInstanceOf(
      InvalidRequestException,
    )
    await expect(client.send(new CreateSecretCommand({ Name: 's' }))).rejects.toBeInstanceOf(
      InvalidRequestException,
    )
    expect((await client.send(new DescribeSecretCommand({ SecretId: 's' }))).DeletedDate).toBeInstanceOf(Date)
    await client.send(new RestoreSecretCommand({ SecretId: 's' }))
    expect(await read(client, 's')).toBe('1')
    await client.send(new DeleteSecretCommand({ SecretId: 's' }))
    time.now += 30 * dayMs
    await expect(read(client, 's')).rejects.toBeInstanceOf(ResourceNotFoundException)
  })

  test('by force is at once, also of what is not there, and frees the name', async () => {
    const { client } = await start()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: '1' }))
    const force = () =>
      client.send(new DeleteSecretCommand({ SecretId: 's', ForceDeleteWithoutRecovery: true }))
    await force()
    await force()
    await client.send(new CreateSecretCommand({ Name: 's', SecretString: 'new' }))
    expect(await read(client, 's')).toBe('new')
    const both = new DeleteSecretCommand({
      SecretId: 's',
      ForceDeleteWithoutRecovery: true,
      RecoveryWindowInDays: 7,
    })
    await expect(client.send(both)).rejects.toBeInstanceOf(InvalidParameterException)
    await expect(
      client.send(new DeleteSecretCommand({ SecretId: 's', RecoveryWindowInDays: 6 })),
    ).rejects.toBeInstanceOf(InvalidParameterException)
  })
})

describe('lists', () => {
  test('go by filter and page, without what is marked for deletion', async () => {
    const { client } = await start()
    for (const name of ['a/1', 'a/2', 'a/3', 'b/1'])
      await client.send(
        new CreateSecretCommand({ Name: name, SecretString: name, Tags: [{ Key: 'owner', Value: name }] }),
      )
    await client.send(new DeleteSecretCommand({ SecretId: 'a/3' }))
    const names = async (input: ListSecretsCommandInput) => {
      const { SecretList, NextToken } = await client.send(new ListSecretsCommand(input))
      return { names: SecretList?.map((secret) => secret.Name), NextToken }
    }
    expect((await names({ Filters: [{ Key: 'name', Values: ['a/'] }] })).names).toEqual(['a/1', 'a/2'])
    expect((await names({ Filters: [{ Key: 'name', Values: ['!a/'] }] })).names).toEqual(['b/1'])
    expect((await names({ Filters: [{ Key: 'tag-value', Values: ['b'] }] })).names).toEqual(['b/1'])
    expect((await names({ IncludePlannedDeletion: true, SortOrder: 'desc' })).names).toEqual([
      'b/1',
      'a/3',
      'a/2',
      'a/1',
    ])
    const first = await names({ MaxResults: 2 })
    expect(first.names).toEqual(['a/1', 'a/2'])
    expect(await names({ MaxResults: 2, NextToken: first.NextToken })).toEqual({
      names: ['b/1'],
      NextToken: undefined,
    })
  })

  test('of values give what can be read and an error for what cannot', async () => {
    const { client } = await start()
    for (const name of ['a', 'b'])
      await client.send(new CreateSecretCommand({ Name: name, SecretString: name }))
    await client.send(new DeleteSecretCommand({ SecretId: 'b' }))
    const { SecretValues, Errors } = await client.send(
      new BatchGetSecretValueCommand({ SecretIdList: ['a', 'b', 'c'] }),
    )
    expect(SecretValues?.map((value) => value.SecretString)).toEqual(['a'])
    expect(Errors?.map((error) => error.ErrorCode)).toEqual([
      'InvalidRequestException',
      'ResourceNotFoundException',
    ])
    const all = await client.send(
      new BatchGetSecretValueCommand({ Filters: [{ Key: 'all', Values: ['a'] }] }),
    )
    expect(all.SecretValues?.map((value) => value.Name)).toEqual(['a'])
  })
})

test('tags are added and taken off', async () => {
  const { client } = await start()
  await client.send(new CreateSecretCommand({ Name: 's', Tags: [{ Key: 'a', Value: '1' }] }))
  await client.send(new TagResourceCommand({ SecretId: 's', Tags: [{ Key: 'b', Value: '2' }] }))
  await client.send(new UntagResourceCommand({ SecretId: 's', TagKeys: ['a'] }))
  expect((await client.send(new DescribeSecretCommand({ SecretId: 's' }))).Tags).toEqual([
    { Key: 'b', Value: '2' },
  ])
})

test("nothing readable lies on the disk, the key is the owner's only, and a restart reads everything", async () => {
  const first = await start()
  await first.client.send(new CreateSecretCommand({ Name: 's', SecretString: 'find-me-if-you-can' }))
  const files = await readdir(first.directory)
  for (const file of files)
    expect((await readFile(join(first.directory, file))).includes('find-me')).toBe(false)
  expect((await stat(join(first.directory, 'secrets.key'))).mode & 0o777).toBe(0o600)
  await first.server.close()
  const second = await start(first.directory)
  expect(await read(second.client, 's')).toBe('find-me-if-you-can')
})

test('throttles, errors and delays come as asked, and calls are counted', async () => {
  const { client, server } = await start()
  await client.send(new CreateSecretCommand({ Name: 's', SecretString: '1' }))
  const local = (method: string, path: string, body?: unknown) =>
    fetch(`${server.endpoint}/_local/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const fault = (action: unknown, times = 1) =>
    local('POST', 'faults', { match: { target: 'GetSecretValue$' }, times, action })
  await fault({ type: 'throttle' }, 2)
  await expect(read(client, 's')).rejects.toMatchObject({
    name: 'ThrottlingException',
    $metadata: { httpStatusCode: 400 },
  })
  await expect(read(client, 's')).rejects.toMatchObject({ name: 'ThrottlingException' })
  expect(await read(client, 's')).toBe('1')
  await fault({ type: 'error' })
  await expect(read(client, 's')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } })
  await fault({ type: 'delay', ms: 1 })
  expect(await read(client, 's')).toBe('1')
  await fault({ type: 'throttle' })
  expect(await (await local('GET', 'faults')).json()).toHaveLength(1)
  await local('DELETE', 'faults')
  expect(await read(client, 's')).toBe('1')
  expect((await fault({ type: 'explode' })).status).toBe(400)
  expect(await (await local('GET', 'requests')).json()).toEqual({
    'secretsmanager.CreateSecret': 1,
    'secretsmanager.GetSecretValue': 6,
  })
})
