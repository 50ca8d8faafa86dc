/** A file name's extension as the API takes it. */
export function extensionOf(name: string | undefined): string | undefined {
  return /[^./\\](\.[A-Za-z0-9]{1,16})$/.exec(name ?? '')?.[1]
}

/** 128 random bits as a documentId; not randomUUID, which browsers only offer on secure origins. */
export function randomDocumentId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function base64OfHex(hex: string): string {
  return btoa(hex.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16))))
}
