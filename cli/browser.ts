import { spawn } from 'node:child_process'

/**
 * Opens `url` in the user's browser where there is one; a machine
 * without one is no error, since the URL is printed too.
 */
export function openBrowser(url: string): void {
  const [command, ...args] = opener(url)
  if (command === undefined) return
  const child = spawn(command, args, { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
}

function opener(url: string): string[] {
  if (process.platform === 'darwin') return ['open', url]
  // Not through cmd.exe, which would read the & in a URL.
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  const graphical = process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']
  return graphical === undefined ? [] : ['xdg-open', url]
}
