import { createHash } from 'node:crypto'

const cells = 8
const side = 64

/** A picture of a document's first bytes, the same for the same bytes. A real app draws the page here. */
export function thumbnailOf(bytes: Uint8Array): string {
  const digest = createHash('sha256').update(bytes).digest()
  const hue = Math.round(((digest[31] ?? 0) / 255) * 360)
  const squares = [...digest.subarray(0, cells)].flatMap((row, y) =>
    Array.from({ length: cells }, (_, x) =>
      (row >> x) % 2 === 1 ? `<rect x="${x}" y="${y}" width="1" height="1"/>` : '',
    ),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 ${cells} ${cells}" fill="hsl(${hue} 60% 40%)">${squares.join('')}</svg>\n`
}
