/** What a code stands for. */
export interface AadstsCode {
  status: number
  error: string
  message: string
  suberror?: string
}

/**
 * The codes that are given here, and those that tests ask for.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export const AADSTS: Record<number, AadstsCode> = {
  50011: {
    status: 400,
    error: 'invalid_request',
    message:
      'The redirect URI specified in the request does not match the redirect URIs configured for the application.',
  },
  50020: {
    status: 400,
    error: 'invalid_request',
    message:
      'The user account does not exist in the tenant and cannot access the application in that tenant.',
  },
  50034: {
    status: 400,
    error: 'invalid_grant',
    message: 'The user account does not exist in the directory.',
  },
  50057: { status: 400, error: 'invalid_grant', message: 'The user account is disabled.' },
  50058: {
    status: 400,
    error: 'login_required',
    message: 'A silent sign-in request was sent but no user is signed in.',
  },
  50076: {
    status: 400,
    error: 'interaction_required',
    message: 'You must use multi-factor authentication to access the resource.',
    suberror: 'basic_action',
  },
  50173: {
    status: 400,
    error: 'invalid_grant',
    message: 'The provided grant has expired due to it being revoked, a fresh auth token is needed.',
    suberror: 'bad_token',
  },
  50194: {
    status: 400,
    error: 'invalid_request',
    message: 'The application is not configured as a multi-tenant application.',
  },
  50196: {
    status: 400,
    error: 'invalid_grant',
    message: 'The server terminated an operation because it encountered a client request loop.',
  },
  53003: {
    status: 400,
    error: 'invalid_grant',
    message: 'Access has been blocked by Conditional Access policies.',
    suberror: 'message_only',
  },
  54005: {
    status: 400,
    error: 'invalid_grant',
    message:
      'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  },
  65001: {
    status: 400,
    error: 'invalid_grant',
    message: 'The user or administrator has not consented to use the application with the requested scopes.',
    suberror: 'consent_required',
  },
  65004: { status: 400, error: 'access_denied', message: 'User declined to consent to access the app.' },
  70000: {
    status: 400,
    error: 'invalid_grant',
    message:
      'The provided value for the grant is not valid. The user must sign in again: the scopes requested are unauthorized or expired.',
  },
  70003: {
    status: 400,
    error: 'unsupported_grant_type',
    message: 'The app requested an unsupported grant type.',
  },
  70007: {
    status: 400,
    error: 'unsupported_response_type',
    message: "The provided value for 'response_type' is not supported.",
  },
  70008: {
    status: 400,
    error: 'invalid_grant',
    message:
      'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  70011: {
    status: 400,
    error: 'invalid_scope',
    message: "The provided request must include a valid 'scope' input parameter.",
  },
  70043: {
    status: 400,
    error: 'invalid_grant',
    message:
      'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.',
  },
  90002: {
    status: 400,
    error: 'invalid_request',
    message: 'The tenant was not found. Check to make sure you have the correct tenant ID.',
  },
  90023: {
    status: 400,
    error: 'invalid_request',
    message: 'The request has a parameter with a value that is not supported.',
  },
  90033: {
    status: 503,
    error: 'temporarily_unavailable',
    message: 'A transient error has occurred. Please try again.',
  },
  90055: {
    status: 429,
    error: 'temporarily_unavailable',
    message: 'Too many requests. Please try again later.',
  },
  500112: {
    status: 400,
    error: 'invalid_grant',
    message:
      'The reply address does not match the reply address provided when requesting the authorization code.',
  },
  501481: {
    status: 400,
    error: 'invalid_grant',
    message: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  700005: {
    status: 400,
    error: 'invalid_grant',
    message: 'The provided authorization code or refresh token was issued to another client.',
  },
  700016: {
    status: 400,
    error: 'unauthorized_client',
    message: 'The application was not found in the directory.',
  },
  700082: {
    status: 400,
    error: 'invalid_grant',
    message: 'The refresh token has expired due to inactivity.',
  },
  900144: {
    status: 400,
    error: 'invalid_request',
    message: 'The request body must contain a required parameter.',
  },
  9002332: {
    status: 400,
    error: 'invalid_request',
    message: 'The application is configured for use by Azure Active Directory users only.',
  },
  7000215: { status: 401, error: 'invalid_client', message: 'Invalid client secret provided.' },
  7000218: {
    status: 401,
    error: 'invalid_client',
    message: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  },
  7000222: { status: 401, error: 'invalid_client', message: 'The provided client secret keys are expired.' },
}
