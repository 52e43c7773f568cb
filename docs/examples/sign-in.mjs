// Signing in to Sitthi from a program that can keep no secret: the authorization code flow with PKCE (RFC 7636, RFC 9700),
// and DPoP (RFC 9449) where tokens should be worth nothing to a thief. Needs no package: fetch, URL and WebCrypto are in
// every browser, in Node.js and in the JavaScript of mobile frameworks.
//
//   app     { issuer, clientId, redirectUri, scope }
//   key     a key pair from newKey(), or undefined for bearer tokens
//   tokens  { accessToken, refreshToken, idToken, expiresAt (ms), tokenType, claims }

const random = (bytes = 32) => base64url(crypto.getRandomValues(new Uint8Array(bytes)))
const sha256 = async (text) => base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
const encoded = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)))

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function claimsOf(idToken) {
  const part = idToken.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))))
}

// What the provider offers, and where. Everything else is found through it.
async function discovered(app) {
  const metadata = await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()
  if (metadata.issuer !== app.issuer) throw new Error('This is not the issuer that was asked for.')
  return metadata
}

// A key that never leaves the device: tokens bound to it are worth nothing elsewhere.
export const newKey = () => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])

// Proof that whoever makes this one request holds the key (RFC 9449 §4.2).
async function proof(key, method, address, { accessToken, nonce } = {}) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key.publicKey)
  const { origin, pathname } = new URL(address)
  const claims = { jti: random(16), htm: method, htu: origin + pathname, iat: Math.floor(Date.now() / 1000), nonce }
  if (accessToken) claims.ath = await sha256(accessToken)
  const input = `${encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })}.${encoded(claims)}`
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, new TextEncoder().encode(input))
  return `${input}.${base64url(signature)}`
}

// A request with a proof. Where the device's clock is wrong, the server gives a nonce to be used instead (RFC 9449 §8).
async function send(key, method, address, options = {}, accessToken = undefined) {
  const attempt = async (nonce) => {
    const headers = { ...options.headers }
    if (accessToken) headers.authorization = `${key ? 'DPoP' : 'Bearer'} ${accessToken}`
    if (key) headers.dpop = await proof(key, method, address, { accessToken, nonce })
    return fetch(address, { ...options, method, headers })
  }
  const response = await attempt()
  const nonce = response.headers.get('dpop-nonce')
  return key && nonce && (response.status === 400 || response.status === 401) ? attempt(nonce) : response
}

// Where to send the person, and what to remember until they come back. Show `url` in the system's browser, never in a
// web view of the app: the person must be able to see whose page it is.
export async function begin(app, extra = {}) {
  const metadata = await discovered(app)
  const [state, nonce, verifier] = [random(), random(), random()]
  const url = new URL(metadata.authorization_endpoint)
  const parameters = {
    response_type: 'code', client_id: app.clientId, redirect_uri: app.redirectUri, scope: app.scope, state, nonce,
    code_challenge: await sha256(verifier), code_challenge_method: 'S256', ...extra,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, attempt: { state, nonce, verifier } }
}

// The tokens, for the address the person came back to. Each attempt is good for one return.
export async function finish(app, attempt, cameBackTo, key) {
  const given = new URL(cameBackTo).searchParams
  if (given.get('state') !== attempt.state) throw new Error('This answer does not belong to our question.')
  if (given.get('iss') !== app.issuer) throw new Error('This answer is from somebody else.') // RFC 9207
  if (given.has('error')) throw new Error(given.get('error'))
  const tokens = await atTokenEndpoint(app, key, {
    grant_type: 'authorization_code', code: given.get('code'), redirect_uri: app.redirectUri, code_verifier: attempt.verifier,
  })
  const { iss, aud, exp, nonce } = tokens.claims
  if (iss !== app.issuer || aud !== app.clientId || nonce !== attempt.nonce || exp * 1000 < Date.now() - 60_000) {
    throw new Error('The ID token is not for this sign-in.')
  }
  return tokens
}

// New tokens. The old refresh token is used up: keep the new one before anything else, and never send one twice.
export const refresh = (app, tokens, key) =>
  atTokenEndpoint(app, key, { grant_type: 'refresh_token', refresh_token: tokens.refreshToken })

async function atTokenEndpoint(app, key, parameters) {
  const metadata = await discovered(app)
  const body = new URLSearchParams({ client_id: app.clientId, ...parameters })
  const response = await send(key, 'POST', metadata.token_endpoint, { body })
  const told = await response.json()
  if (!response.ok) throw new Error(told.error)
  return {
    accessToken: told.access_token, refreshToken: told.refresh_token, idToken: told.id_token, tokenType: told.token_type,
    expiresAt: Date.now() + told.expires_in * 1000, claims: told.id_token ? claimsOf(told.id_token) : undefined,
  }
}

// A question to the graph. `errors` come with a stable `extensions.code`; see docs/errors.md.
export async function ask(app, tokens, query, variables = {}, key = undefined) {
  const options = { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query, variables }) }
  const response = await send(key, 'POST', `${app.issuer}/graphql`, options, tokens.accessToken)
  return response.json()
}

// Ends the tokens at once, everywhere (RFC 7009).
export async function signOut(app, tokens, key) {
  const metadata = await discovered(app)
  const body = new URLSearchParams({ client_id: app.clientId, token: tokens.refreshToken ?? tokens.accessToken })
  await send(key, 'POST', metadata.revocation_endpoint, { body })
}
