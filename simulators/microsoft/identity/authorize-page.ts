import type { AuthorizeRequest } from './authorize-request.ts'

/** Text for HTML, attribute values included. */
function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replaceAll(/[&<>"']/gu, (character) => entities[character] ?? character)
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(title)}</title>
<style>body{font:16px system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.4rem 1.2rem}
input{font:inherit;width:100%;box-sizing:border-box;padding:.3rem}[role=alert]{color:#a4262c}</style></head>
<body>
${body}
</body>
</html>
`
}

/** The consent page: a plain form that posts back to the same URL. */
export function consentPage(request: AuthorizeRequest, problem?: string): string {
  const scopes = request.scopes.map((scope) => `<li>${escape(scope)}</li>`).join('')
  return page(
    'Sign in (Microsoft simulator)',
    `<h1>Permissions requested</h1>
<p>This is a simulator. The app <strong>${escape(request.clientId)}</strong> would like to:</p>
<ul>${scopes}</ul>
${problem === undefined ? '' : `<p role="alert">${escape(problem)}</p>`}
<form method="post">
<p><label>Account <input name="account" type="email" autocomplete="username" value="${escape(request.loginHint)}" placeholder="alice@outlook.com or bob@contoso.com"></label></p>
<p><button name="decision" value="approve">Accept</button> <button name="decision" value="deny">Cancel</button></p>
</form>`,
  )
}

/** What went wrong, on the provider's own page. */
export function errorPage(description: string): string {
  return page(
    'Sign in to your account',
    `<h1>Sorry, but we’re having trouble signing you in.</h1><pre role="alert">${escape(description)}</pre>`,
  )
}

/** `response_mode=form_post`: a form that sends itself; with scripts off there is a button. */
export function formPostPage(action: string, params: URLSearchParams): string {
  const fields = [...params]
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`)
    .join('')
  return page(
    'Working...',
    `<form method="post" action="${escape(action)}">${fields}<button>Continue</button></form>
<script>document.forms[0].submit()</script>`,
  )
}

/** After signing out, when there is nowhere to go. */
export function signedOutPage(): string {
  return page('Signed out', '<h1>You signed out of your account</h1>')
}
