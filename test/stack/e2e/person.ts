import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'

/** What a person does in a browser in front of the console. */

/** Where Debian puts it; `CHROMIUM` names another one. */
export const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

export function chromiumIsThere(): boolean {
  return existsSync(chromiumPath)
}

/** `network` is a proxy that everything goes through, this machine's own addresses included. */
export function openBrowser(network?: string): Promise<Browser> {
  return chromium.launch({
    ...(network !== undefined && { proxy: { server: network, bypass: '<-loopback>' } }),
    executablePath: chromiumPath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** From the console's first screen through the local issuer and back. */
export async function signIn(page: Page, base: string, user: string): Promise<void> {
  await page.goto(base)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('User name').fill(user)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Documents', exact: true }).waitFor()
}

const consent = {
  'Google Drive': { approve: 'Continue', deny: 'Cancel' },
  OneDrive: { approve: 'Accept', deny: 'Cancel' },
  Dropbox: { approve: 'Allow', deny: 'Cancel' },
} as const
export type Cloud = keyof typeof consent
export const clouds = Object.keys(consent) as Cloud[]

/** At the drive's consent page: chooses the account and answers. Ends on the console. */
export async function answerConsent(
  page: Page,
  cloud: Cloud,
  account: string,
  answer: 'approve' | 'deny',
): Promise<void> {
  await page.getByLabel('Account').fill(account)
  await page.getByRole('button', { name: consent[cloud][answer], exact: true }).click()
  await page.getByRole('heading', { name: 'Drives', exact: true }).waitFor()
}

/** From any screen that offers it to the notice that the drive is connected. */
export async function connectDrive(page: Page, cloud: Cloud, account: string): Promise<void> {
  await page.getByRole('button', { name: `Connect ${cloud}` }).click()
  await answerConsent(page, cloud, account, 'approve')
  await page.getByText(`${cloud} is connected`).waitFor()
}

/** The card of a connected drive. */
export function driveCard(page: Page, cloud: Cloud) {
  return page.getByRole('listitem', { name: cloud })
}
