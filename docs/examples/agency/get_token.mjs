// An access token for an agency's system: client credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523).
//
//   node get_token.mjs ISSUER CLIENT_ID private-key.json [SCOPE …]
//
// Needs no package. Prints the token; it is good for ten minutes, so keep it and ask again when it is about to expire.
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'

const [issuer, clientId, keyFile, ...scopes] = process.argv.slice(2)
const jwk = JSON.parse(await readFile(keyFile, 'utf8'))
const key = createPrivateKey({ key: jwk, format: 'jwk' })
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

const now = Math.floor(Date.now() / 1000)
const claims = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 }
const input = `${encoded({ alg: 'ES256', typ: 'JWT', kid: jwk.kid })}.${encoded(claims)}`
const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')

const body = new URLSearchParams({
  grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: `${input}.${signature}`,
  resource: `${issuer}/agency`,
})
if (scopes.length) body.set('scope', scopes.join(' '))
const answer = await fetch(`${issuer}/oauth/token`, { method: 'POST', body })
const said = await answer.json()
if (!answer.ok) {
  console.error('refused:', said)
  process.exit(1)
}
console.log(said.access_token)
