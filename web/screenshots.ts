import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { chromiumPath, clouds, connectDrive, openBrowser, signIn } from '../test/stack/e2e/person.ts'
import { startLocalStack } from '../test/support/local-stack.ts'

/** Takes the pictures of the console that the documentation shows: `docs/images/console-*.png`. */
const folder = fileURLToPath(new URL('../docs/images', import.meta.url))
const desktop = { width: 1200, height: 840 }
const phone = { width: 390, height: 800 }
const user = 'maria'

const samples: readonly { readonly name: string; readonly size: number }[] = [
  { name: 'Rental agreement.pdf', size: 1_840_000 },
  { name: 'Invoice 2026-0412.pdf', size: 214_000 },
  { name: 'Floor plan.png', size: 3_120_000 },
  { name: 'Site visit.mp4', size: 48_000_000 },
]

async function screens(browser: Browser, base: string, simulator: string): Promise<void> {
  const context = await browser.newContext({
    viewport: desktop,
    deviceScaleFactor: 1.5,
    colorScheme: 'light',
  })
  const page = await context.newPage()
  const shot = async (name: string): Promise<void> => {
    await page.screenshot({ path: `${folder}/console-${name}.png`, animations: 'disabled', caret: 'hide' })
  }
  const inBothThemes = async (name: string): Promise<void> => {
    await page.emulateMedia({ colorScheme: 'dark' })
    await shot(`${name}-dark`)
    await page.emulateMedia({ colorScheme: 'light' })
    await shot(name)
  }

  await page.goto(base)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await shot('sign-in')
  await signIn(page, base, user)
  await page.getByText('Two steps').waitFor()
  await shot('first-run')
  for (const [at, cloud] of clouds.entries())
    await connectDrive(page, cloud, at === 0 ? 'maria@example.com' : 'maria@contoso.com')
  await page.getByRole('button', { name: 'Dismiss' }).click()

  await page.getByRole('link', { name: 'Documents' }).click()
  const files = samples.map(({ name, size }) => {
    const path = join(scratch, name)
    writeFileSync(path, randomBytes(size))
    return path
  })
  await page.getByLabel('Files to upload').setInputFiles(files.slice(0, 3))
  await page.getByText('All 3 uploaded').waitFor()
  // Slow enough to be seen on its way.
  const slow = (bytesPerSecond: number) =>
    fetch(`${simulator}/_sim/latency`, { method: 'POST', body: JSON.stringify({ ms: 0, bytesPerSecond }) })
  await slow(12_000_000)
  await page.getByLabel('Files to upload').setInputFiles(files.slice(3))
  await page.getByText('On its way', { exact: true }).nth(1).waitFor()
  await inBothThemes('documents')
  await slow(1_000_000_000)
  await page.getByText('All 4 uploaded').waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await page.getByRole('link', { name: 'Drives' }).click()
  await page.getByText(/MB of .+ used/).waitFor()
  await inBothThemes('drives')
  await page.getByRole('link', { name: 'Documents' }).click()
  await page.getByRole('button', { name: 'Rental agreement.pdf', exact: true }).click()
  await shot('details')
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'Delete Floor plan.png' }).click()
  await page.setViewportSize(phone)
  await inBothThemes('phone')
  await context.close()
}

mkdirSync(folder, { recursive: true })
const scratch = mkdtempSync(join(tmpdir(), 'driveway-pictures-'))
const stack = await startLocalStack()
try {
  const browser = await openBrowser()
  try {
    await screens(browser, stack.base, stack.at(1))
  } finally {
    await browser.close()
  }
} catch (error) {
  process.stderr.write(`no pictures (is ${chromiumPath} there?)\n`)
  throw error
} finally {
  await stack.dispose()
  rmSync(scratch, { recursive: true, force: true })
}
