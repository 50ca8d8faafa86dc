import type { Extension } from '../../ids.ts'

/**
 * What SharePoint rewrites on arrival: Office files, PDF and HTML. Size and hash differ from what was sent,
 * and the size may differ from one upload of the same bytes to the next.
 * https://github.com/OneDrive/onedrive-api-docs/issues/935 https://github.com/rclone/rclone/issues/2599
 */
const rewrittenExtensions = new Set(
  (
    '.doc .docx .docm .dot .dotx .dotm .xls .xlsx .xlsm .xlsb .xlt .xltx .xltm .ppt .pptx .pptm .pps .ppsx .pot .potx .potm ' +
    '.vsd .vsdx .pub .mpp .one .pdf .htm .html'
  ).split(' '),
)

/**
 * The tenant of personal Microsoft accounts. https://learn.microsoft.com/entra/identity-platform/id-tokens
 */
const personalTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Whether an account is one at work; undefined when it is not known whose it is. */
export function isWorkAccount(accountId: string | undefined): boolean | undefined {
  return accountId === undefined ? undefined : !accountId.startsWith(personalTenant)
}

/** Files of this kind are rewritten in this account, so that another size and hash are no damage. */
export function rewrites(accountId: string | undefined, extension: Extension): boolean {
  return isWorkAccount(accountId) !== false && rewrittenExtensions.has(extension.toLowerCase())
}
