import { isSignIn } from './scopes.ts'

/** Google's own error page: the user sees it, the application never hears of it. */
export function errorPage(status: number, code: string, description: string): string {
  return page(
    `Error ${status}: ${code}`,
    `<h1>Access blocked: authorization error</h1><p>${escape(description)}</p><p>Error ${status}: <code>${escape(code)}</code></p>`,
  )
}

/** What the consent page shows. */
export interface ConsentView {
  clientId: string
  scopes: string[]
  account: string
  accounts: string[]
}

/**
 * The consent page: account choice, a checkbox for each scope that is not about signing in, Approve and Deny.
 * It posts to the URL it came from.
 */
export function consentPage({ clientId, scopes, account, accounts }: ConsentView): string {
  const boxes = scopes
    .filter((scope) => !isSignIn(scope))
    .map(
      (scope) =>
        `<p><label><input type="checkbox" name="scopes" value="${escape(scope)}" checked> ${escape(scope)}</label></p>`,
    )
  const options = accounts.map((email) => `<option value="${escape(email)}">`)
  return page(
    'Sign in - Google Accounts (simulator)',
    `<h1>${escape(clientId)} wants access to your Google Account</h1>
<form method="post">
<p><label>Account <input name="account" type="email" required list="accounts" value="${escape(account)}"></label></p>
<datalist id="accounts">${options.join('')}</datalist>
<input type="hidden" name="scopes" value="">
${boxes.join('\n')}
<p><button name="decision" value="approve">Continue</button> <button name="decision" value="deny">Cancel</button></p>
</form>`,
  )
}

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
<body>${body}</body></html>
`
}

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
