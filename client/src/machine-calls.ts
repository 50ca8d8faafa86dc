import type * as generated from './generated.ts'
import type { Api, CallOptions, Query } from './request.ts'

/** What servers alone may ask, with a token of their own. */
export interface MachineCalls {
  /** For servers with the scope `users.erase`. */
  readonly users: {
    /** Begins an erasure; the same one when it is repeated. `files`: those in the user's own drive. */
    erase(
      userId: string,
      options?: CallOptions & { readonly files?: 'keep' | 'delete' },
    ): Promise<generated.ErasureAnswer['erasure']>
    /** How far it is; afterwards its receipt. */
    erasure(userId: string, options?: CallOptions): Promise<generated.ErasureAnswer['erasure']>
    /** All rows that are kept of a user, page after page. */
    export(
      userId: string,
      options?: CallOptions,
    ): AsyncGenerator<generated.ExportAnswer['rows'][number], void>
  }
  /** For servers with the scope `webhooks`. */
  readonly webhooks: {
    /** Registers an endpoint. Keep the `secret`: it is told this once. */
    create(body: generated.WebhookBody, options?: CallOptions): Promise<generated.WebhookAnswer>
    list(options?: CallOptions): Promise<generated.WebhooksAnswer['webhooks']>
    delete(webhookId: string, options?: CallOptions): Promise<void>
    /** Another secret; both sign for 24 hours. */
    rotateSecret(webhookId: string, options?: CallOptions): Promise<string>
    /** Has `webhook.test` sent. */
    test(webhookId: string, options?: CallOptions): Promise<void>
    /** One page of what was sent, tried and given up. */
    deliveries(
      webhookId: string,
      query?: Query<'listDeliveries'>,
      options?: CallOptions,
    ): Promise<generated.DeliveriesAnswer>
    /** Sends a delivery again, with the same id. */
    resend(webhookId: string, eventId: string, options?: CallOptions): Promise<void>
  }
}

const atWebhook = (webhookId: string) => ({ path: { webhookId } })

function webhookCalls(api: Api): MachineCalls['webhooks'] {
  return {
    create: (body, options) => api.call('createWebhook', { body }, options),
    list: async (options) => (await api.call('listWebhooks', {}, options)).webhooks,
    delete: (id, options) => api.call('deleteWebhook', atWebhook(id), options),
    rotateSecret: async (id, options) =>
      (await api.call('rotateWebhookSecret', atWebhook(id), options)).secret,
    test: (id, options) => api.call('testWebhook', atWebhook(id), options),
    deliveries: (id, query, options) => api.call('listDeliveries', { ...atWebhook(id), query }, options),
    resend: (webhookId, eventId, options) =>
      api.call('resendDelivery', { path: { webhookId, eventId } }, options),
  }
}

function userCalls(api: Api): MachineCalls['users'] {
  return {
    erase: async (userId, { files, ...options } = {}) =>
      (await api.call('eraseUser', { path: { userId }, query: { files } }, options)).erasure,
    erasure: async (userId, options) => (await api.call('getErasure', { path: { userId } }, options)).erasure,
    async *export(userId, options) {
      let cursor: string | undefined
      do {
        const page = await api.call('exportUser', { path: { userId }, query: { cursor } }, options)
        yield* page.rows
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },
  }
}

export const machineCalls = (api: Api): MachineCalls => ({
  users: userCalls(api),
  webhooks: webhookCalls(api),
})
