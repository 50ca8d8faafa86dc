// A document scanner in a page: photographs become one PDF in the user's own drive. Served by serve.ts.
import { createDriveway, isDrivewayError } from './client/browser.js'
import { pdfOf } from './pdf.ts'

const api = 'http://127.0.0.1:8787'
const part = (id) => document.getElementById(id)
const say = (text) => (part('status').textContent = text)

/** Your app's own sign-in goes here; the local stack hands out tokens to anybody. */
async function token() {
  const response = await fetch(`${api}/local/token`, { method: 'POST', body: '{"sub":"alice"}' })
  return (await response.json()).token
}
const driveway = createDriveway({ baseUrl: api, token })

/** Any picture as an upright JPEG of at most 2000 pixels. */
async function jpegOf(photo) {
  const bitmap = await createImageBitmap(photo)
  const scale = Math.min(1, 2000 / Math.max(bitmap.width, bitmap.height))
  const width = Math.round(bitmap.width * scale)
  const height = Math.round(bitmap.height * scale)
  const canvas = new OffscreenCanvas(width, height)
  canvas.getContext('2d').drawImage(bitmap, 0, 0, width, height)
  return { jpeg: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 }), width, height }
}

async function store(photos) {
  const cancel = new AbortController()
  part('cancel').addEventListener('click', () => cancel.abort(), { once: true })
  try {
    const pages = await Promise.all([...photos].map(jpegOf))
    const stored = await driveway.upload(pdfOf(pages), {
      connectionId: (await driveway.connections.list()).find((entry) => entry.status === 'active')?.id,
      extension: '.pdf',
      signal: cancel.signal,
      onProgress: ({ fraction, phase }) => {
        part('progress').value = fraction
        say(phase)
      },
    })
    say(`Stored in your ${stored.provider} as ${stored.id}, ${stored.checksum?.verdict ?? 'not compared'}.`)
  } catch (error) {
    say(isDrivewayError(error) ? error.detail : String(error))
  }
}

part('photos').addEventListener('change', ({ target }) => void store(target.files))
