/** The pages that a browser sees of a deployment. No script, no style, nothing is loaded. */

/** Shows the completion code, for the user to give to their app; also in `data-completion-code`. */
export function completionPage(connectionId: string, completionCode: string): string {
  return page(
    'Almost connected',
    `<p>Give this code to the app that you started from. It works once, within ten minutes, and only there.</p>
<p><code data-completion-code="${escape(completionCode)}" data-connection-id="${escape(connectionId)}">${escape(completionCode)}</code></p>
<p>You did not start this yourself? Then close this window: nothing has been connected.</p>`,
  )
}

const refusals: Readonly<Record<string, string>> = {
  access_denied: 'Access was not granted.',
  policy_blocked:
    'Your organisation does not let you connect this app by yourself. Ask its administrator to allow it.',
  used_already: 'This address was opened before, with another outcome.',
}

/** Says that there is no consent; `error` is its short code. */
export function refusalPage(error: string): string {
  return page(
    'Not connected',
    `<p data-error="${escape(error)}">${refusals[error] ?? `The provider answered: ${escape(error)}.`} Nothing has changed.</p>
<p>You can close this window, and start again from the app.</p>`,
  )
}

/** Says that a connect is over, or never was. */
export function overPage(): string {
  return page(
    'This connect is over',
    `<p data-error="invalid_state">It was finished before, or more than ten minutes have passed.</p>
<p>Look into the app: if the drive is not connected there, start again.</p>`,
  )
}

/** Says that it did not work this time; `requestId` names it in the logs. */
export function failurePage(detail: string, requestId: string): string {
  return page('That did not work', `<p>${escape(detail)}</p>\n<p>Request ${escape(requestId)}</p>`)
}

export interface PasswordForm {
  /** The provider, as people call it. */
  readonly name: string
  /** How to get an app password. */
  readonly howTo: string
  /** Absent: it is asked for. */
  readonly serverUrl?: string | undefined
  /** What was typed before. Of the password nothing comes back. */
  readonly typed?:
    | { readonly serverUrl?: string | undefined; readonly userName?: string | undefined }
    | undefined
  readonly mistake?: string | undefined
}

/** Asks for server, user name and app password. The form goes to its own address, which carries the state. */
export function passwordForm({ name, howTo, serverUrl, typed, mistake }: PasswordForm): string {
  const server =
    serverUrl === undefined
      ? `<p><label>Server address<br><input name="serverUrl" required maxlength="1024" value="${escape(typed?.serverUrl ?? '')}"></label></p>`
      : ''
  return page(
    `Connect ${name}`,
    `${mistake === undefined ? '' : `<p role="alert" data-mistake>${escape(mistake)}</p>`}
<p>${escape(howTo)}</p>
<form method="post">
${server}
<p><label>User name<br><input name="userName" required maxlength="255" autocomplete="username" value="${escape(typed?.userName ?? '')}"></label></p>
<p><label>App password<br><input name="password" type="password" required maxlength="1024" autocomplete="off"></label></p>
<p><button>Connect</button> <button name="cancel" value="yes" formnovalidate>Cancel</button></p>
</form>
<p>You did not start this yourself? Then close this window: nothing has been connected.</p>`,
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
