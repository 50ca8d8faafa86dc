/** The account that owns everything here; AWS shows it in ARNs and queue addresses. */
export const accountId = '000000000000'

/** The region of everything here: the one that the clients are set to. */
export const region = process.env['AWS_REGION'] ?? 'us-east-1'
