import type { CallbackAnswer } from '../connections/callback.ts'
import type { HttpAnswer } from './request.ts'

/** What a browser is answered on its way through a connection. */
export function browserAnswer(answer: CallbackAnswer): HttpAnswer {
  switch (answer.kind) {
    case 'redirect':
      return { status: 302, headers: { location: answer.location } }
    case 'page':
      return {
        status: answer.status ?? 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        text: answer.html,
      }
  }
}
