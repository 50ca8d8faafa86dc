/**
 * The pages that a browser ends on when the app gave no returnUrl. No script, no style, nothing is loaded.
 */

/** Shows the completion code, for the user to give to their app; also in `data-completion-code`. */
export function completionPage(connectionId: string, completionCode: string): string {
  return page(
    'Almost connected',
    `<p>Give this code to the app that you started from. It works once, within ten minutes, and only there.</p>
<p><code data-completion-code="${escape(completionCode)}" data-connection-id="${escape(connectionId)}">${escape(completionCode)}</code></p>
<p>You did not start this yourself? Then close this window: nothing has been connected.</p>`,
  )
}

/** Says that the provider gave no consent; `error` is its short code. */
export function refusalPage(error: string): string {
  return page(
    'Not connected',
    `<p data-error="${escape(error)}">${error === 'access_denied' ? 'Access was not granted.' : `The provider answered: ${escape(error)}.`} Nothing has changed.</p>
<p>You can close this window, and start again from the app.</p>`,
  )
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escape(title)}</title>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
