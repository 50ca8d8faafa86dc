import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openNetwork } from './cuttable-network.ts'
import type { CuttableNetwork } from './cuttable-network.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { whole } from '../../support/sample.ts'
import { accessibilityProblems, layoutShift, leastIconContrast, shareOf } from './page-checks.ts'
import {
  answerConsent,
  chromiumIsThere,
  chromiumPath,
  connectDrive,
  driveCard,
  openBrowser,
  signIn,
} from './person.ts'

const MiB = 1024 * 1024
/** Bytes. */
const film = (whole ? 200 : 60) * MiB
/** Of 8 MiB: more than a browser hashes before it begins. */
const songParts = whole ? 10 : 9

/** Random bytes in a file, a piece at a time. */
async function writeRandomFile(path: string, size: number): Promise<void> {
  const file = await open(path, 'w')
  for (let left = size; left > 0; left -= 4 * MiB) await file.write(randomBytes(Math.min(left, 4 * MiB)))
  await file.close()
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

it('says whether the browser tests run here', () => {
  const there = chromiumIsThere()
  if (!there) {
    process.stderr.write(
      `The browser tests did NOT run: there is no ${chromiumPath} (apt-get install chromium, or set CHROMIUM).\n`,
    )
  }
  expect(typeof there).toBe('boolean')
})

describe.runIf(chromiumIsThere())('the console, by a person’s clicks', () => {
  let stack: LocalStack
  let browser: Browser
  let network: CuttableNetwork
  let folder: string
  const contexts: BrowserContext[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'driveway-console-'))
    network = await openNetwork()
    ;[stack, browser] = await Promise.all([startLocalStack(), openBrowser(network.server)])
  })
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()))
  })
  afterAll(async () => {
    await browser?.close()
    await network?.close()
    await stack?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A browser of its own for one person; every complaint of the page is kept. */
  async function visit(): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
    contexts.push(context)
    // Slow machines take long, and a condition is waited for either way.
    context.setDefaultTimeout(45_000)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`))
    page.on('console', (message) => {
      // What the network did is told to the person, and is no mistake of the page.
      const text = message.text()
      if (message.type() === 'error' && !text.includes('Failed to load resource')) complaints.push(text)
    })
    return { page, complaints }
  }

  const simulator = (offset: 1 | 2, path: string, body?: object) =>
    fetch(`${stack.at(offset)}/_sim/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it('takes a newcomer from sign-in over a refused consent to three connected drives', async () => {
    const { page, complaints } = await visit()
    await signIn(page, stack.base, 'nora')
    await page.getByText('Two steps, and the first document is in your drive').waitFor()

    await page.getByRole('button', { name: 'Connect Google Drive' }).click()
    await answerConsent(page, 'Google Drive', 'nora@example.com', 'deny')
    await page.getByText('Google Drive was not connected').waitFor()
    await page.getByText('Access was not granted, so nothing has changed.').waitFor()
    await page.getByRole('heading', { name: 'Connect your first drive' }).waitFor()

    await page.getByRole('button', { name: 'Try again' }).click()
    await answerConsent(page, 'Google Drive', 'nora@example.com', 'approve')
    await page.getByText('Google Drive is connected').waitFor()
    await connectDrive(page, 'OneDrive', 'nora@contoso.com')
    await connectDrive(page, 'Dropbox', 'nora@example.com')
    for (const [cloud, account] of [
      ['Google Drive', 'nora@example.com'],
      ['OneDrive', 'nora@contoso.com'],
      ['Dropbox', 'nora@example.com'],
    ] as const) {
      const card = driveCard(page, cloud)
      await card.getByText(account).waitFor()
      await card.getByText('Connected', { exact: true }).waitFor()
      await card.getByText(/ of .+ used/).waitFor()
    }

    await page.getByRole('button', { name: 'Connect Team storage' }).click()
    await page.getByRole('listitem', { name: 'Team storage' }).getByText('Connected').waitFor()
    await driveCard(page, 'OneDrive').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await driveCard(page, 'OneDrive').getByText('Disconnected').waitFor()

    // As where the deployment offers one drive alone: what is connected stays.
    const told = (await (await fetch(`${stack.base}/settings.json`)).json()) as object
    await page.route('**/settings.json', (route) =>
      route.fulfill({ json: { ...told, offeredProviders: ['onedrive'] } }),
    )
    await page.reload()
    await page.getByRole('button', { name: 'Connect OneDrive' }).waitFor()
    expect(await page.getByRole('button', { name: 'Connect Dropbox' }).count()).toBe(0)
    await driveCard(page, 'Google Drive').getByText('Connected', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  it(
    'uploads a long film over a broken connection, shows it verified, and gives it back bit for bit',
    { timeout: 90_000 },
    async () => {
      const { page, complaints } = await visit()
      const path = join(folder, 'Long film.mp4')
      await writeRandomFile(path, film)
      await signIn(page, stack.base, 'olga')
      await connectDrive(page, 'Google Drive', 'olga@example.com')
      await page.getByRole('link', { name: 'Documents' }).click()

      // The drive breaks its request in the middle and takes its time after that: the rest is seen to go.
      for (const action of [
        { type: 'reset', afterBytes: 0.3 * film },
        { type: 'delay', ms: 3000 },
        { type: 'delay', ms: 5000 },
      ])
        await simulator(1, 'faults', { match: { path: 'upload_id=' }, action })
      // Fast enough for a test, slow enough to be cut in the middle.
      const devtools = await page.context().newCDPSession(page)
      const radio = (offline: boolean, bytesPerSecond: number) =>
        devtools.send('Network.emulateNetworkConditions', {
          offline,
          latency: 0,
          downloadThroughput: -1,
          uploadThroughput: bytesPerSecond,
        })
      await radio(false, 0.3 * film)
      await page.getByLabel('Files to upload').setInputFiles(path)
      const row = page.getByRole('listitem', { name: 'Long film.mp4' })
      const sent = row.getByRole('progressbar', { name: /: sent/ })
      await expect.poll(() => shareOf(sent), { timeout: 20_000 }).toBeGreaterThan(0.1)
      network.cut()
      await radio(true, -1)
      await page.getByText('You are offline').waitFor()
      network.mend()
      await radio(false, 0.75 * film)
      await row.getByText('Sending again').waitFor()
      const stored = row.getByRole('progressbar', { name: /: in Google Drive/ })
      await expect.poll(() => shareOf(stored), { timeout: 30_000, interval: 50 }).toBeGreaterThan(0)
      await row.getByText('Stored in Google Drive and verified').waitFor({ timeout: 40_000 })

      const files = (await (await simulator(1, 'files?account=olga@example.com')).json()) as {
        name: string
        size: number
        sha256: string
      }[]
      const digest = await sha256Of(path)
      expect(files).toMatchObject([{ name: 'Long-film.mp4', size: film, sha256: digest }])

      const saved = page.waitForEvent('download', { timeout: 40_000 })
      await page.getByRole('button', { name: 'Download Long film.mp4' }).click()
      const download = await saved
      expect(download.suggestedFilename()).toBe('Long film.mp4')
      expect(await sha256Of(await download.path())).toBe(digest)
      expect(complaints).toEqual([])
    },
  )

  it('goes on after a reload when the file is chosen again', { timeout: 90_000 }, async () => {
    const { page, complaints } = await visit()
    const path = join(folder, 'Long song.flac')
    await writeRandomFile(path, songParts * 8 * MiB)
    await signIn(page, stack.base, 'ruth')
    await connectDrive(page, 'Google Drive', 'ruth@example.com')
    await page.getByRole('link', { name: 'Documents' }).click()
    const parts: number[] = []
    page.on('response', (answer) => {
      const number = new URL(answer.url()).searchParams.get('partNumber')
      if (number !== null && answer.request().method() === 'PUT' && answer.ok()) parts.push(Number(number))
    })
    const devtools = await page.context().newCDPSession(page)
    const pace = (uploadThroughput: number) =>
      devtools.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput,
      })
    await pace(20 * MiB)
    page.on('dialog', (dialog) => void dialog.accept())
    await page.getByLabel('Files to upload').setInputFiles(path)
    await expect
      .poll(() => parts.length, { timeout: 30_000, interval: 50 })
      .toBeGreaterThanOrEqual(songParts / 2 - 1)
    // The drives are known only after the file has been chosen.
    const drives = Promise.withResolvers<undefined>()
    await page.route('**/v1/connections', async (route) => {
      await drives.promise
      await route.continue()
    })
    await page.reload()
    await page.getByText('Not finished: Long song.flac').waitFor()
    const before = parts.length
    expect(before).toBeLessThan(songParts)
    await pace(-1)
    await page.getByLabel('Files to upload').setInputFiles(path)
    await page.getByRole('listitem', { name: 'Long song.flac' }).waitFor()
    drives.resolve(undefined)
    await page.getByText('Stored in Google Drive and verified').waitFor({ timeout: 40_000 })
    // Those under way at the reload may have come whole, unheard.
    expect(parts.length).toBeLessThanOrEqual(songParts)
    expect(new Set(parts.slice(before)).size).toBe(parts.length - before)
    const files = (await (await simulator(1, 'files?account=ruth@example.com')).json()) as object[]
    expect(files).toMatchObject([{ size: songParts * 8 * MiB, sha256: await sha256Of(path) }])
    await page.reload()
    await page.getByRole('heading', { name: 'Documents', exact: true }).waitFor()
    expect(await page.getByText('Not finished').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('lets a person reconnect a drive that took its consent back, and goes on', async () => {
    const { page, complaints } = await visit()
    await signIn(page, stack.base, 'petra')
    await connectDrive(page, 'OneDrive', 'petra@contoso.com')
    await page.getByRole('link', { name: 'Documents' }).click()
    await simulator(2, 'accounts/petra@contoso.com/revoke', {})
    await simulator(2, 'accounts/petra@contoso.com/expire-tokens', {})

    const file = { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('kept for later') }
    await page.getByLabel('Files to upload').setInputFiles(file)
    await page.getByText('The drive no longer lets us in.').waitFor()
    await page.getByRole('button', { name: 'Go to Drives' }).click()
    const card = driveCard(page, 'OneDrive')
    await card.getByText('Reconnect needed').waitFor()
    await card.getByRole('button', { name: 'Reconnect' }).click()
    await answerConsent(page, 'OneDrive', 'petra@contoso.com', 'approve')
    await page.getByText('OneDrive is connected').waitFor()
    await card.getByText('Connected', { exact: true }).waitFor()

    await page.getByRole('link', { name: 'Documents' }).click()
    await page.getByLabel('Files to upload').setInputFiles(file)
    await page.getByText('Stored in OneDrive and verified').waitFor()
    expect(complaints).toEqual([])
  })

  it(
    'deletes with time to undo, tries again, cancels, filters and shows what is known of a document',
    { timeout: 150_000 },
    async () => {
      const { page, complaints } = await visit()
      await page.clock.install()
      await signIn(page, stack.base, 'rosa')
      await connectDrive(page, 'Google Drive', 'rosa@example.com')
      await page.getByRole('link', { name: 'Documents' }).click()
      // One name, one size, one date: they are two files all the same.
      const three = await page.evaluateHandle(
        `const three = new DataTransfer()
        for (const [index, name] of ['a.txt', 'b.txt', 'a.txt'].entries())
          three.items.add(new File(['content ' + index], name, { type: 'text/plain', lastModified: 1 }))
        three`,
      )
      for (const event of ['dragover', 'drop'])
        await page.dispatchEvent('main', event, { dataTransfer: three })
      await page.getByText('All 3 uploaded').waitFor()
      const names = page.getByRole('table').getByRole('button', { name: /^[ab].*txt$/ })
      await expect.poll(() => names.allInnerTexts()).toEqual(['a.txt', 'a (2).txt', 'b.txt'])

      await page.getByRole('button', { name: 'Delete a.txt' }).click()
      await expect.poll(() => names.allInnerTexts()).toEqual(['a (2).txt', 'b.txt'])
      await page.getByRole('button', { name: 'Undo' }).click()
      await expect.poll(() => names.allInnerTexts()).toEqual(['a.txt', 'a (2).txt', 'b.txt'])
      await page.getByRole('button', { name: 'Delete b.txt' }).click()
      await page.clock.fastForward(8_000)
      const trashed = async () => {
        const all = (await (await simulator(1, 'files?account=rosa@example.com')).json()) as {
          name: string
          trashed: boolean
        }[]
        return all.filter((one) => one.trashed).map(({ name }) => name)
      }
      await expect.poll(trashed, { timeout: 15_000 }).toEqual(['b.txt'])

      // Dropped anywhere; the network is away, and a click tries again.
      network.cut()
      const held = await page.evaluateHandle(
        "const held = new DataTransfer(); held.items.add(new File(['dropped'], 'dropped.txt')); held",
      )
      await page.dispatchEvent('main', 'dragover', { dataTransfer: held })
      await page.getByText('Drop to upload').waitFor()
      await page.dispatchEvent('main', 'drop', { dataTransfer: held })
      const dropped = page.getByRole('listitem', { name: 'dropped.txt' })
      await dropped.getByText('The connection broke').waitFor()
      network.mend()
      await dropped.getByRole('button', { name: 'Try again' }).click()
      await dropped.getByText('Stored in Google Drive and verified').waitFor()

      await page.getByLabel('Status').selectOption({ label: 'Failed' })
      await page.getByText('No documents like that').waitFor()
      await page.getByRole('button', { name: 'Show all' }).click()
      await page.getByRole('button', { name: 'a.txt', exact: true }).press('Enter')
      const dialog = page.getByRole('dialog')
      await dialog.getByText('rosa@example.com').waitFor()
      await dialog.getByText('every bit is there').waitFor()
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'hidden' })

      await simulator(1, 'latency', { ms: 0, bytesPerSecond: 2 * MiB })
      const long = { name: 'long.bin', mimeType: 'application/octet-stream', buffer: randomBytes(12 * MiB) }
      await page.getByLabel('Files to upload').setInputFiles(long)
      await page.getByRole('cell', { name: 'On its way' }).waitFor()
      await page.getByRole('button', { name: 'Cancel long.bin' }).click()
      await page.getByRole('cell', { name: 'On its way' }).waitFor({ state: 'detached' })
      await simulator(1, 'latency', { ms: 0 })
      expect(complaints).toEqual([])
    },
  )

  it(
    'is accessible in both themes on every screen, and nothing moves by itself',
    { timeout: 150_000 },
    async () => {
      const { page, complaints } = await visit()
      const problems: string[] = []
      const check = async (screen: string): Promise<void> => {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
          problems.push(...(await accessibilityProblems(page, `${screen}, ${colorScheme}`)))
        }
      }
      await page.goto(stack.base)
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      await check('sign-in')
      expect(await layoutShift(page)).toBe(0)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByLabel('User name').waitFor()
      await check('local issuer')
      await signIn(page, stack.base, 'sofia')
      await page.getByText('Two steps').waitFor()
      await check('first run')
      await connectDrive(page, 'Google Drive', 'sofia@example.com')
      await connectDrive(page, 'OneDrive', 'sofia@contoso.com')
      await page
        .getByText(/ of .+ used/)
        .nth(1)
        .waitFor()
      await check('drives')
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        expect(await leastIconContrast(page)).toBeGreaterThan(5)
      }
      await driveCard(page, 'Google Drive').getByRole('button', { name: 'Disconnect' }).click()
      await check('disconnect')
      await page.getByRole('button', { name: 'Keep it' }).click()

      await page.getByRole('link', { name: 'Documents' }).click()
      await page.getByText('No documents yet').waitFor()
      await check('no documents')
      const file = { name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('plan') }
      await page.getByLabel('Files to upload').setInputFiles(file)
      await page.getByText('Stored in Google Drive and verified').waitFor()
      await page.getByRole('button', { name: 'plan.txt', exact: true }).waitFor()
      await check('documents')
      await page.getByRole('button', { name: 'plan.txt', exact: true }).click()
      await check('details')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Delete plan.txt' }).click()
      await page.getByRole('button', { name: 'Undo' }).waitFor()
      await page.setViewportSize({ width: 360, height: 740 })
      await check('phone')
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      await page.getByRole('button', { name: 'Undo' }).click()
      await page.getByRole('button', { name: 'plan.txt', exact: true }).waitFor()

      expect(problems).toEqual([])
      // A fresh load of each full screen, as it fills itself.
      for (const path of ['/', '/drives']) {
        await page.goto(`${stack.base}${path}`)
        await page
          .getByText(path === '/' ? 'verified' : /Checked/)
          .first()
          .waitFor()
        expect({ path, moves: (await layoutShift(page)) >= 0.01 }).toEqual({ path, moves: false })
      }

      // A session that cannot be prolonged: nothing is lost but the sign-in.
      await page.evaluate('sessionStorage.clear()')
      await page.getByRole('link', { name: 'Documents' }).click()
      await page.getByRole('button', { name: 'Refresh the list' }).click()
      await page.getByRole('dialog').getByText('Your session has ended').waitFor()
      expect(await accessibilityProblems(page, 'session ended')).toEqual([])
      await page.getByRole('button', { name: 'Sign in again' }).click()
      await page.getByLabel('User name').fill('sofia')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('button', { name: 'plan.txt', exact: true }).waitFor()
      expect(complaints).toEqual([])
    },
  )
})
