function escape(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replaceAll(/[&<>"']/g, (character) => names[character] ?? character)
}

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
<body>${body}</body></html>
`
}

/** Dropbox's own error page: the user sees it, the application never hears of it. */
export function errorPage(description: string): string {
  return page(
    'Dropbox - 400',
    `<h1>Error (400)</h1>
<p>It seems the app you were using submitted a bad request.</p>
<p>More details for developers: ${escape(description)}</p>`,
  )
}

/** The consent page: who it is, what is asked for, Allow and Cancel. It posts to the URL it came from. */
export function consentPage(clientId: string, scopes: string[], account: string): string {
  const items = scopes.map((scope) => `<li>${escape(scope)}</li>`).join('')
  return page(
    'API Request Authorization - Dropbox (simulator)',
    `<h1>${escape(clientId)} would like access to its own folder in your Dropbox</h1>
<ul>${items}</ul>
<form method="post">
<p><label>Account <input name="account" type="email" required value="${escape(account)}"></label></p>
<p><button name="decision" value="approve">Allow</button> <button name="decision" value="deny">Cancel</button></p>
</form>`,
  )
}
