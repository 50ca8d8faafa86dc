import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3ServiceException,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { describe, expect, test } from 'vitest'
import type { CorsRule } from '../s3/cors.ts'
import { startS3 } from '../s3/server.ts'
import { closeAfterTest, defaultS3Client, eventually, s3Client, temporaryDirectory } from './support.ts'

const Bucket = 'driveway-intake'

const cors = { exposedHeaders: ['ETag'], maxAge: 60 }
const rules: readonly CorsRule[] = [
  {
    ...cors,
    allowedOrigins: ['https://app.example'],
    allowedMethods: ['PUT'],
    allowedHeaders: ['content-*', 'X-Amz-*'],
  },
  { ...cors, allowedOrigins: ['*'], allowedMethods: ['GET', 'HEAD'], allowedHeaders: ['*'] },
]

const start = async (
  options: { stateDir?: string; clock?: () => number; cors?: readonly CorsRule[] } = {},
) => {
  const stateDir = options.stateDir ?? (await temporaryDirectory())
  const clock = options.clock ? { clock: options.clock } : {}
  const server = closeAfterTest(
    await startS3({
      port: 0,
      stateDir,
      buckets: [Bucket, 'driveway-storage'],
      cors: options.cors ?? [],
      ...clock,
    }),
  )
  return { server, stateDir, client: s3Client(server.endpoint) }
}

const read = async (client: S3Client, Key: string, Range?: string): Promise<Buffer> => {
  const { Body } = await client.send(
    new GetObjectCommand({ Bucket, Key, ...(Range === undefined ? {} : { Range }) }),
  )
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

const failure = (work: Promise<unknown>): Promise<{ name: string; status: number | undefined }> =>
  work.then(
    () => ({ name: 'none', status: undefined }),
    (error: unknown) => {
      if (!(error instanceof S3ServiceException)) throw error
      return { name: error.name, status: error.$metadata.httpStatusCode }
    },
  )

const storedFiles = async (stateDir: string): Promise<string[]> => {
  const names = await readdir(join(stateDir, 'objects'), { recursive: true, withFileTypes: true })
  return names.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

describe('objects', () => {
  test('what is put is got, with its metadata, headers, md5 ETag and size', async () => {
    const { client } = await start()
    const body = randomBytes(300_000)
    const put = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'a/b.bin',
        Body: body,
        ContentType: 'image/png',
        CacheControl: 'no-store',
        Metadata: { owner: 'alice' },
      }),
    )
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a/b.bin' }))
    expect(put.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`)
    expect(head).toMatchObject({
      ETag: put.ETag,
      ContentLength: 300_000,
      ContentType: 'image/png',
      CacheControl: 'no-store',
      Metadata: { owner: 'alice' },
      AcceptRanges: 'bytes',
    })
    expect((await read(client, 'a/b.bin')).equals(body)).toBe(true)
  })

  test('an empty object is an object', async () => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: '' }))
    expect(await read(client, 'empty')).toHaveLength(0)
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: 'empty' }))).ContentLength).toBe(0)
  })

  test.each([
    'with space',
    'plus+sign',
    'ümläut/日本',
    'percent%2Fkept',
    'a//b',
    "quote'(1)*!.txt",
    'trailing/',
    'q?x=1&y#z',
  ])('the key %j comes back as it was', async (Key) => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
    expect((await read(client, Key)).toString()).toBe(Key)
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }))
    expect(Contents?.map((item) => item.Key)).toEqual([Key])
  })

  test('ranges give just those bytes, and one past the end is refused', async () => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'r', Body: '0123456789' }))
    expect((await read(client, 'r', 'bytes=2-4')).toString()).toBe('234')
    expect((await read(client, 'r', 'bytes=7-')).toString()).toBe('789')
    expect((await read(client, 'r', 'bytes=-2')).toString()).toBe('89')
    expect((await read(client, 'r', 'bytes=5-500')).toString()).toBe('56789')
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'r', Range: 'bytes=2-4' }))
    expect([answer.ContentRange, answer.$metadata.httpStatusCode]).toEqual(['bytes 2-4/10', 206])
    await answer.Body?.transformToByteArray()
    expect(await failure(read(client, 'r', 'bytes=10-'))).toEqual({ name: 'InvalidRange', status: 416 })
  })

  test('a missing object, upload or bucket is named as S3 names it', async () => {
    const { client } = await start()
    expect(await failure(read(client, 'nope'))).toEqual({ name: 'NoSuchKey', status: 404 })
    expect((await failure(client.send(new HeadObjectCommand({ Bucket, Key: 'nope' })))).name).toBe('NotFound')
    expect((await failure(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'x' })))).name).toBe(
      'NoSuchBucket',
    )
    expect((await failure(client.send(new ListPartsCommand({ Bucket, Key: 'x', UploadId: 'y' })))).name).toBe(
      'NoSuchUpload',
    )
    expect(
      (await failure(client.send(new PutObjectCommand({ Bucket: 'other', Key: 'x', Body: 'b' })))).name,
    ).toBe('NoSuchBucket')
  })

  test('deleting is final, may be repeated, and leaves no bytes behind', async () => {
    const { client, stateDir } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'd', Body: 'x' }))
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'd' }))
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'd' }))
    expect((await failure(read(client, 'd'))).name).toBe('NoSuchKey')
    await client.send(new PutObjectCommand({ Bucket, Key: 'e & f', Body: 'x' }))
    const answer = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'e & f' }, { Key: 'g' }] } }),
    )
    expect(answer.Deleted?.map((item) => item.Key)).toEqual(['e & f', 'g'])
    await eventually(async () => ((await storedFiles(stateDir)).length === 0 ? true : undefined))
  })

  test('a reader keeps the old bytes while the object is replaced and deleted', async () => {
    const { client, stateDir } = await start()
    const before = randomBytes(8 * 1024 * 1024)
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: before }))
    const reading = await client.send(new GetObjectCommand({ Bucket, Key: 'k' }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'new' }))
    expect((await read(client, 'k')).toString()).toBe('new')
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    expect(before.equals((await reading.Body?.transformToByteArray()) ?? new Uint8Array())).toBe(true)
    await eventually(async () => ((await storedFiles(stateDir)).length === 0 ? true : undefined))
  })

  test('a PUT that is cut off leaves the old object', async () => {
    const { client, stateDir } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'old' }))
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'k' }))
    const upload = request(url, { method: 'PUT', headers: { 'content-length': 1_000_000 } })
    upload.on('error', () => undefined)
    upload.write(randomBytes(500_000))
    await eventually(async () => ((await storedFiles(stateDir)).length === 2 ? true : undefined))
    upload.destroy()
    await eventually(async () => ((await storedFiles(stateDir)).length === 1 ? true : undefined))
    expect((await read(client, 'k')).toString()).toBe('old')
  })

  test('a copy has its own life', async () => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'from here', Body: 'x', Metadata: { a: '1' } }))
    await client.send(
      new CopyObjectCommand({ Bucket: 'driveway-storage', Key: 'to', CopySource: `${Bucket}/from%20here` }),
    )
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'from here' }))
    const copy = await client.send(new GetObjectCommand({ Bucket: 'driveway-storage', Key: 'to' }))
    expect([await copy.Body?.transformToString(), copy.Metadata]).toEqual(['x', { a: '1' }])
  })

  test('what is archived is named so, and not given out', async () => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'cold', Body: 'x', StorageClass: 'DEEP_ARCHIVE' }))
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'cold' }))
    expect(head.StorageClass).toBe('DEEP_ARCHIVE')
    expect(await failure(read(client, 'cold'))).toEqual({ name: 'InvalidObjectState', status: 403 })
    const copied = client.send(new CopyObjectCommand({ Bucket, Key: 'warm', CopySource: `${Bucket}/cold` }))
    expect(await failure(copied)).toEqual({ name: 'InvalidObjectState', status: 403 })
  })

  test('objects are there after a restart', async () => {
    const first = await start()
    await first.client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'kept', Tagging: 'a=b%20c' }))
    await first.server.close()
    const second = await start({ stateDir: first.stateDir })
    expect((await read(second.client, 'k')).toString()).toBe('kept')
    const { TagSet } = await second.client.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))
    expect(TagSet).toEqual([{ Key: 'a', Value: 'b c' }])
  })
})

describe('conditions', () => {
  test('If-None-Match: * creates only, also when twenty try at once', async () => {
    const { client } = await start()
    const tries = Array.from({ length: 20 }, (_, index) =>
      failure(
        client.send(new PutObjectCommand({ Bucket, Key: 'once', Body: String(index), IfNoneMatch: '*' })),
      ),
    )
    const names = (await Promise.all(tries)).map((outcome) => outcome.name)
    expect(names.filter((name) => name === 'none')).toHaveLength(1)
    expect(names.filter((name) => name === 'PreconditionFailed')).toHaveLength(19)
  })

  test('If-Match replaces and deletes only the version it names', async () => {
    const { client } = await start()
    const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: 'v', Body: '1' }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'v', Body: '2', IfMatch: ETag }))
    const stale = await failure(
      client.send(new PutObjectCommand({ Bucket, Key: 'v', Body: '3', IfMatch: ETag })),
    )
    expect(stale).toEqual({ name: 'PreconditionFailed', status: 412 })
    const deletion = await failure(client.send(new DeleteObjectCommand({ Bucket, Key: 'v', IfMatch: ETag })))
    expect(deletion.name).toBe('PreconditionFailed')
    expect((await read(client, 'v')).toString()).toBe('2')
  })

  test('a read with an ETag gives 304 for the same and 412 for another', async () => {
    const { client } = await start()
    const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: 'v', Body: '1' }))
    const same = await failure(client.send(new GetObjectCommand({ Bucket, Key: 'v', IfNoneMatch: ETag })))
    const other = await failure(client.send(new GetObjectCommand({ Bucket, Key: 'v', IfMatch: '"x"' })))
    expect([same.status, other.status]).toEqual([304, 412])
  })
})

describe('checksums', () => {
  test("the SDK's own defaults work for buffers and for streams", async () => {
    const { server } = await start()
    const client = defaultS3Client(server.endpoint)
    const body = randomBytes(200_000)
    await client.send(new PutObjectCommand({ Bucket, Key: 'buffer', Body: body }))
    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'stream',
        Body: Readable.from([body]),
        ContentLength: body.length,
      }),
    )
    expect((await read(client, 'buffer')).equals(body)).toBe(true)
    expect((await read(client, 'stream')).equals(body)).toBe(true)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'stream', ChecksumMode: 'ENABLED' }))
    expect(head.ChecksumCRC32).toMatch(/^[A-Za-z0-9+/]{6}==$/)
    expect(head.ContentEncoding).toBeUndefined()
  })

  test('a sha256 is verified, kept and given back', async () => {
    const { client } = await start()
    const ChecksumSHA256 = createHash('sha256').update('hello').digest('base64')
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello', ChecksumSHA256 }))
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }))
    expect(head.ChecksumSHA256).toBe(ChecksumSHA256)
    const wrong = await failure(
      client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'other', ChecksumSHA256 })),
    )
    expect(wrong).toEqual({ name: 'BadDigest', status: 400 })
    expect((await read(client, 'k')).toString()).toBe('hello')
  })

  test('a Content-MD5 that does not fit is refused', async () => {
    const { client, stateDir } = await start()
    const ContentMD5 = createHash('md5').update('a').digest('base64')
    expect(
      (await failure(client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'b', ContentMD5 })))).name,
    ).toBe('BadDigest')
    await eventually(async () => ((await storedFiles(stateDir)).length === 0 ? true : undefined))
  })
})

describe('presigned URLs', () => {
  test('a PUT with signed type, length and sha256 takes exactly that', async () => {
    const { client } = await start()
    const ChecksumSHA256 = createHash('sha256').update('hello').digest('base64')
    const command = new PutObjectCommand({
      Bucket,
      Key: 'p q',
      ContentType: 'text/plain',
      ContentLength: 5,
      ChecksumSHA256,
    })
    const signableHeaders = new Set(['content-type', 'content-length', 'host'])
    const url = await getSignedUrl(client, command, { expiresIn: 60, signableHeaders })
    const put = (body: string, type: string) =>
      fetch(url, { method: 'PUT', body, headers: { 'content-type': type } }).then((answer) => answer.status)
    expect(await put('hello', 'text/html')).toBe(403)
    expect(await put('hello!', 'text/plain')).toBe(403)
    expect(await put('jello', 'text/plain')).toBe(400)
    expect(await put('hello', 'text/plain')).toBe(200)
    expect((await read(client, 'p q')).toString()).toBe('hello')
  })

  test('a GET works from a browser, with the names it asked for, until it expires', async () => {
    let now = Date.now()
    const { client } = await start({ clock: () => now, cors: rules })
    await client.send(new PutObjectCommand({ Bucket, Key: 'g', Body: 'hello' }))
    const url = await getSignedUrl(
      client,
      new GetObjectCommand({ Bucket, Key: 'g', ResponseContentDisposition: 'attachment; filename="ä.txt"' }),
      { expiresIn: 60 },
    )
    const answer = await fetch(url, { headers: { origin: 'https://app.example', range: 'bytes=1-' } })
    expect([answer.status, await answer.text(), answer.headers.get('access-control-allow-origin')]).toEqual([
      206,
      'ello',
      '*',
    ])
    expect(answer.headers.get('content-disposition')).toContain('attachment')
    now += 62_000
    const late = await fetch(url)
    expect([late.status, await late.text()]).toEqual([403, expect.stringContaining('Request has expired')])
  })

  test('a changed URL, another key pair and no signature are refused', async () => {
    const { client, server } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 'g', Body: 'hello' }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'h', Body: 'secret' }))
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'g' }))
    const changed = await fetch(url.replace('/g?', '/h?'))
    expect([changed.status, await changed.text()]).toEqual([
      403,
      expect.stringContaining('SignatureDoesNotMatch'),
    ])
    const foreign = await fetch(url.replace('Credential=local', 'Credential=other'))
    expect(await foreign.text()).toContain('InvalidAccessKeyId')
    const plain = await fetch(`${server.endpoint}/${Bucket}/g`)
    expect([plain.status, await plain.text()]).toEqual([403, expect.stringContaining('AccessDenied')])
  })

  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
  test('a browser asks first, and is answered by the first rule that has all that it asks for', async () => {
    const ask = async (
      origin: string,
      method: string,
      headers?: string,
      cors: readonly CorsRule[] = rules,
    ) => {
      const { server } = await start({ cors })
      const asked = headers === undefined ? {} : { 'access-control-request-headers': headers }
      const answer = await fetch(`${server.endpoint}/${Bucket}/k`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': method, ...asked },
      })
      const said = await answer.text()
      return {
        status: answer.status,
        said,
        get: (name: string) => answer.headers.get(`access-control-${name}`),
      }
    }
    const put = await ask('https://app.example', 'PUT', 'content-type, X-Amz-Checksum-Sha256')
    expect([
      put.status,
      put.get('allow-origin'),
      put.get('allow-methods'),
      put.get('allow-credentials'),
    ]).toEqual([200, 'https://app.example', 'PUT', 'true'])
    expect([put.get('allow-headers'), put.get('max-age')]).toEqual([
      'content-type, x-amz-checksum-sha256',
      '60',
    ])
    const get = await ask('https://other.example', 'GET')
    expect([get.status, get.get('allow-origin'), get.get('allow-credentials')]).toEqual([200, '*', null])
    const not = 'CORSResponse: This CORS request is not allowed.'
    for (const refused of [
      await ask('https://other.example', 'PUT'),
      await ask('https://app.example', 'DELETE'),
      await ask('https://app.example', 'PUT', 'x-other'),
    ])
      expect([refused.status, refused.said.includes(not), refused.get('allow-origin')]).toEqual([
        403,
        true,
        null,
      ])
    const none = await ask('https://app.example', 'GET', undefined, [])
    expect([none.status, none.said]).toEqual([
      403,
      expect.stringContaining('CORS is not enabled for this bucket'),
    ])
  })

  test('a page that no rule has is answered, and may not read it', async () => {
    const { client, server } = await start({ cors: rules })
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'k' }))
    const put = (origin: string) => fetch(url, { method: 'PUT', body: 'hello', headers: { origin } })
    const seen = async (origin: string) => {
      const { status, headers } = await put(origin)
      return [
        status,
        headers.get('access-control-allow-origin'),
        headers.get('access-control-expose-headers'),
      ]
    }
    expect(await seen('https://app.example')).toEqual([200, 'https://app.example', 'ETag'])
    expect(await seen('https://other.example')).toEqual([200, null, null])
    expect((await fetch(`${server.endpoint}/${Bucket}/k`, { method: 'OPTIONS' })).status).toBe(400)
  })
})

describe('tags', () => {
  test('are put, read, counted and removed', async () => {
    const { client } = await start()
    await client.send(new PutObjectCommand({ Bucket, Key: 't', Body: 'x' }))
    const TagSet = [{ Key: 'driveway', Value: 'rejected & <kept>' }]
    await client.send(new PutObjectTaggingCommand({ Bucket, Key: 't', Tagging: { TagSet } }))
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 't' }))).TagSet).toEqual(TagSet)
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: 't' }))).TagCount).toBe(1)
    await client.send(new DeleteObjectTaggingCommand({ Bucket, Key: 't' }))
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 't' }))).TagSet).toEqual([])
    const missing = await failure(
      client.send(new PutObjectTaggingCommand({ Bucket, Key: 'no', Tagging: { TagSet } })),
    )
    expect(missing.name).toBe('NoSuchKey')
  })
})

describe('listing', () => {
  test('goes by prefix, delimiter and page, in the order of bytes', async () => {
    const { client } = await start()
    const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'd', 'é', '\u{1F600}']
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))
    const found: string[] = []
    let token: string | undefined
    let pages = 0
    do {
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket,
          Delimiter: '/',
          MaxKeys: 2,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      )
      found.push(
        ...(page.Contents ?? []).map((item) => item.Key ?? ''),
        ...(page.CommonPrefixes ?? []).map((item) => item.Prefix ?? ''),
      )
      token = page.NextContinuationToken
      pages += 1
    } while (token !== undefined)
    expect([found.toSorted(), pages]).toEqual([['a', 'b/', 'd', 'é', '\u{1F600}'].toSorted(), 3])
    const below = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'b/', StartAfter: 'b/1' }))
    expect(below.Contents?.map((item) => item.Key)).toEqual(['b/2', 'b/c/3'])
    expect(below.Contents?.[0]).toMatchObject({ Size: 1, ETag: '"9dd4e461268c8034f5c8564e155c67a6"' })
  })

  test('buckets are listed, found, created and refused by name', async () => {
    const { client } = await start()
    const { Buckets } = await client.send(new ListBucketsCommand({}))
    expect(Buckets?.map((bucket) => bucket.Name)).toEqual([Bucket, 'driveway-storage'])
    await client.send(new HeadBucketCommand({ Bucket }))
    await client.send(new CreateBucketCommand({ Bucket: 'third' }))
    expect((await failure(client.send(new CreateBucketCommand({ Bucket: 'third' })))).name).toBe(
      'BucketAlreadyOwnedByYou',
    )
    expect((await failure(client.send(new CreateBucketCommand({ Bucket: 'NO' })))).name).toBe(
      'InvalidBucketName',
    )
  })
})

describe('multipart uploads', () => {
  const part = 5 * 1024 * 1024

  test('parts in any order become one object, its ETag made of theirs', async () => {
    const { client, stateDir } = await start()
    const bodies = [randomBytes(part), randomBytes(part), randomBytes(10)]
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'm', ContentType: 'video/mp4', Metadata: { a: 'b' } }),
    )
    const target = { Bucket, Key: 'm', UploadId }
    await client.send(new UploadPartCommand({ ...target, PartNumber: 2, Body: 'to be replaced' }))
    const Parts = []
    for (const PartNumber of [3, 2, 1]) {
      const { ETag } = await client.send(
        new UploadPartCommand({ ...target, PartNumber, Body: bodies[PartNumber - 1] ?? '' }),
      )
      Parts.unshift({ PartNumber, ETag })
    }
    const listed = await client.send(new ListPartsCommand({ ...target, MaxParts: 2 }))
    expect(listed.Parts?.map((item) => [item.PartNumber, item.Size])).toEqual([
      [1, part],
      [2, part],
    ])
    expect([listed.IsTruncated, listed.NextPartNumberMarker]).toEqual([true, '2'])
    const done = await client.send(
      new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }),
    )
    const md5s = bodies.map((body) => createHash('md5').update(body).digest())
    expect(done.ETag).toBe(`"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-3"`)
    const whole = Buffer.concat(bodies)
    expect((await read(client, 'm')).equals(whole)).toBe(true)
    const [from, to] = [part - 5, 2 * part + 3]
    expect((await read(client, 'm', `bytes=${from}-${to}`)).equals(whole.subarray(from, to + 1))).toBe(true)
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'm' }))).toMatchObject({
      ContentType: 'video/mp4',
      Metadata: { a: 'b' },
      ContentLength: whole.length,
    })
    expect(await storedFiles(stateDir)).toHaveLength(3)
  })

  test('an aborted upload leaves nothing', async () => {
    const { client, stateDir } = await start()
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }))
    await client.send(new UploadPartCommand({ Bucket, Key: 'm', UploadId, PartNumber: 1, Body: 'x' }))
    const open = await client.send(new ListMultipartUploadsCommand({ Bucket }))
    expect(open.Uploads?.map((upload) => [upload.Key, upload.UploadId])).toEqual([['m', UploadId]])
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'm', UploadId }))
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).toEqual([])
    await eventually(async () => ((await storedFiles(stateDir)).length === 0 ? true : undefined))
  })

  test('a wrong list of parts is refused', async () => {
    const { client } = await start()
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }))
    const target = { Bucket, Key: 'm', UploadId }
    const one = await client.send(new UploadPartCommand({ ...target, PartNumber: 1, Body: 'x' }))
    const two = await client.send(new UploadPartCommand({ ...target, PartNumber: 2, Body: 'y' }))
    const complete = (...parts: [number, string | undefined][]) =>
      failure(
        client.send(
          new CompleteMultipartUploadCommand({
            ...target,
            MultipartUpload: { Parts: parts.map(([PartNumber, ETag]) => ({ PartNumber, ETag })) },
          }),
        ),
      ).then((outcome) => outcome.name)
    expect(await complete([2, two.ETag], [1, one.ETag])).toBe('InvalidPartOrder')
    expect(await complete([1, two.ETag])).toBe('InvalidPart')
    expect(await complete([1, one.ETag], [2, two.ETag])).toBe('EntityTooSmall')
    expect(await complete([1, one.ETag])).toBe('none')
  })
})

test('the answer to a refused upload is readable although its body was not read', async () => {
  const { server } = await start()
  const upload = request(`${server.endpoint}/${Bucket}/x`, {
    method: 'PUT',
    headers: { 'content-length': 20_000_000 },
    agent: false,
  })
  const closed = once(upload, 'close')
  upload.end(Buffer.alloc(20_000_000))
  const [response] = await once(upload, 'response')
  response.resume()
  expect(response.statusCode).toBe(403)
  await closed
})
