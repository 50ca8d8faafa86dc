export interface Page {
  readonly jpeg: Blob
  /** Pixels. */
  readonly width: number
  readonly height: number
}

/** JPEGs as a PDF, one page each, in points of 1/72 inch at 144 dots per inch. */
export function pdfOf(pages: readonly Page[]): Blob {
  const parts: Blob[] = []
  const offsets: number[] = []
  let length = 0
  const add = (...pieces: (string | Blob)[]) => {
    for (const piece of pieces) {
      const blob = new Blob([piece])
      parts.push(blob)
      length += blob.size
    }
  }
  const object = (...pieces: (string | Blob)[]) => {
    offsets.push(length)
    add(`${offsets.length} 0 obj\n`, ...pieces, '\nendobj\n')
  }
  add('%PDF-1.4\n')
  // Objects 1 and 2 are the catalogue and the page list; each page then has three.
  const kids = pages.map((_page, index) => `${3 + 3 * index} 0 R`).join(' ')
  object('<< /Type /Catalog /Pages 2 0 R >>')
  object(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`)
  for (const [index, { jpeg, width, height }] of pages.entries()) {
    const first = 3 + 3 * index
    const draw = `q ${width / 2} 0 0 ${height / 2} 0 0 cm /Scan Do Q`
    object(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width / 2} ${height / 2}] `,
      `/Resources << /XObject << /Scan ${first + 1} 0 R >> >> /Contents ${first + 2} 0 R >>`,
    )
    object(
      `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB `,
      `/BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.size} >>\nstream\n`,
      jpeg,
      '\nendstream',
    )
    object(`<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`)
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const start = length
  add(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${table}`)
  add(`trailer\n<< /Size ${offsets.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`)
  return new Blob(parts, { type: 'application/pdf' })
}
