import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly help: string
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[]
  }[]
}

/** What axe finds on the page as it stands, one line each. Every rule runs, best practices included. */
export async function accessibilityProblems(page: Page, screen: string): Promise<string[]> {
  // Not as a script of the page: its policy lets nobody add one.
  await page.evaluate(axe)
  const { violations } = (await page.evaluate('axe.run(document)')) as AxeResults
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary = '' }) =>
        `${screen}: ${id} (${help}) at ${target.join(' ')}: ${failureSummary.replaceAll(/\s+/g, ' ')}`,
    ),
  )
}

/** The least contrast that a drive's icon has to its ground, over the hues that a provider may choose. */
export async function leastIconContrast(page: Page): Promise<number> {
  return (await page.evaluate(`(() => {
    const icon = document.querySelector('.provider-icon')
    const canvas = document.createElement('canvas').getContext('2d')
    const luminance = (colour) => {
      canvas.fillStyle = colour
      canvas.fillRect(0, 0, 1, 1)
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const own = icon.style.getPropertyValue('--hue')
    const shades = new Set()
    let least = Infinity
    for (let hue = 0; hue < 360; hue += 5) {
      icon.style.setProperty('--hue', String(hue))
      const { color, backgroundColor } = getComputedStyle(icon)
      shades.add(color)
      const [light, dark] = [luminance(color), luminance(backgroundColor)].toSorted((a, b) => b - a)
      least = Math.min(least, (light + 0.05) / (dark + 0.05))
    }
    icon.style.setProperty('--hue', own)
    return shades.size === 72 ? least : 0
  })()`)) as number
}

/** How much has moved by itself since the page was loaded. https://web.dev/articles/cls */
export async function layoutShift(page: Page): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => {
    let sum = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    requestAnimationFrame(() => setTimeout(() => resolve(sum), 0))
  })`)) as number
}

/** A progress bar's value, 0 to 1. */
export async function shareOf(bar: Locator): Promise<number> {
  return Number((await bar.getAttribute('value')) ?? 0)
}
