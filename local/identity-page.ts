import { createHash } from 'node:crypto'

const style = `:root{color-scheme:light dark;--ink:light-dark(#1b2421,#e8eeeb);--soft:light-dark(#56625d,#a3b0aa);--line:light-dark(#8a9791,#6b7873);--page:light-dark(#f4f6f4,#101513);--card:light-dark(#fff,#19201d);--brand:light-dark(#0b6b5d,#74d6c3);--on:light-dark(#fff,#06201b)}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:24rem;background:var(--card);border-radius:1rem;padding:2rem;box-shadow:0 1px 2px #0002,0 8px 24px #0001}
h1{margin:0 0 .25rem;font-size:1.375rem}p{margin:0 0 1.5rem;color:var(--soft)}label{display:block;font-weight:600;margin-bottom:.375rem}
input,button{width:100%;font:inherit;border-radius:.5rem;padding:.625rem .75rem}input{border:1px solid var(--line);background:transparent;color:inherit;margin-bottom:1rem}
button{border:0;background:var(--brand);color:var(--on);font-weight:600;cursor:pointer}:focus-visible{outline:2px solid var(--brand);outline-offset:2px}`

/**
 * The page may run nothing and load nothing; its form leads here, and the redirect from here to `redirectTo`.
 */
export function signInPolicy(redirectTo: string): string {
  const hash = createHash('sha256').update(style).digest('base64')
  return `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self' ${redirectTo}; base-uri 'none'; frame-ancestors 'none'`
}

/** The local identity provider's sign-in page: a name is enough. It posts back to its own URL. */
export function signInPage(): string {
  return page(
    'Sign in (local)',
    `<h1>Sign in</h1>
<p>This is the local identity provider. Every name is accepted. Everybody has their own drives and documents.</p>
<form method="post"><label for="user">User name</label>
<input id="user" name="user" value="alice" required maxlength="64" autocomplete="username" autofocus>
<button>Sign in</button></form>`,
  )
}

/** For an authorization URL that is not one of the console's: its reader is not sent anywhere. */
export function refusedPage(): string {
  return page(
    'Sign-in refused',
    '<h1>This sign-in is not valid</h1><p>Open the console again and start from there.</p>',
  )
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${style}</style></head>
<body><main>${body}</main></body></html>
`
}
