import type { Command } from '../command.ts'
import { saveLogin } from '../config.ts'
import { UsageError } from '../exit-codes.ts'
import { signIn } from '../oidc.ts'
import { chooseUrl, isLocal, localToken } from '../session.ts'

const defaultScope = 'openid offline_access'

export const login: Command = {
  name: 'login',
  takes: '',
  summary: 'Sign in to a deployment through its issuer; at the local stack, choose who to be.',
  help: [
    ['--issuer <url>', 'the deployment’s OIDC issuer'],
    ['--client-id <id>', 'a public client registered there for this command line'],
    ['--scope <scopes>', `what to ask for; "${defaultScope}" when left out`],
    ['--device', 'sign in with a code on another device'],
    ['--port <n>', 'come back to this loopback port, for issuers that do not accept any'],
    ['--no-browser', 'only print the URL'],
  ],
  options: {
    issuer: { type: 'string' },
    'client-id': { type: 'string' },
    scope: { type: 'string' },
    device: { type: 'boolean' },
    port: { type: 'string' },
    'no-browser': { type: 'boolean' },
  },
  arguments: [0, 0],
  async run({ output, signal, text, flag }) {
    const url = await chooseUrl(text('url'))
    const issuer = text('issuer')
    if (issuer === undefined) {
      if (!isLocal(url)) throw new UsageError('Name the deployment’s issuer: --issuer <url> --client-id <id>')
      const as = text('as') ?? 'alice'
      await localToken(url, as, signal)
      await saveLogin(url, { kind: 'local', as })
      output.result({ url, as }, () => `You are ${as} at ${url}.`)
      return
    }
    const clientId = text('client-id')
    if (clientId === undefined) throw new UsageError('Name the client: --client-id <id>')
    const port = Number(text('port') ?? 0)
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new UsageError('--port takes a port number.')
    const options = {
      issuer,
      clientId,
      port,
      scope: text('scope') ?? defaultScope,
      device: flag('device'),
      browser: !flag('no-browser'),
    }
    await saveLogin(url, await signIn(options, output, signal))
    output.result({ url, issuer }, () => `Signed in to ${url}.`)
  },
}

export const logout: Command = {
  name: 'logout',
  takes: '',
  summary: 'Forget the sign-in to a deployment.',
  help: [],
  options: {},
  arguments: [0, 0],
  async run({ output, text }) {
    const url = await chooseUrl(text('url'))
    await saveLogin(url, undefined)
    output.result({ url }, () => `Signed out of ${url}.`)
  },
}
