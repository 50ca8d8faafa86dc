import { signal } from '@preact/signals'
import { render } from 'preact'
import { openConsole } from './console-state.ts'
import { openSignIn } from './session.ts'
import { loadSettings } from './settings.ts'
import './styles/base.css'
import './styles/controls.css'
import './styles/shell.css'
import './styles/drives.css'
import './styles/documents.css'
import { App } from './views/app.tsx'
import { BrokenScreen, SignInScreen } from './views/sign-in-screen.tsx'

const place = document.getElementById('app')
if (place === null) throw new Error('the page has no place for the console')

async function view() {
  const ended = signal(false)
  try {
    const settings = await loadSettings()
    const signIn = await openSignIn(settings, () => {
      ended.value = true
    })
    if (signIn.session === undefined)
      return <SignInScreen signIn={signIn} offered={settings.offeredProviders} />
    return <App state={openConsole(settings, signIn.session)} signIn={signIn} ended={ended} />
  } catch (error) {
    return <BrokenScreen error={error} />
  }
}

render(await view(), place)
