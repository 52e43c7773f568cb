// Proves, without asking anybody, that Sitthi gave this answer about a person: to a court, in ten years.
//
//   node verify_facts.mjs ISSUER answer.json attestation-keys.json FIRST_KEY
//
// What the files are, verify_facts.py beside this one explains. Needs no package: Web Cryptography is in every browser too.
import { readFile } from 'node:fs/promises'

const FACTS = 'sitthi-facts+jwt'
const SUCCESSION = 'sitthi-key-succession+jwt'
const SETTLES_SECONDS = 120 // a server that has not heard of the next key yet may sign with the former one so long
const MEMBERS = ['crv', 'kty', 'x', 'y']
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const must = (holds, why) => {
  if (!holds) throw new Error(why)
}
const bytes = (text) => {
  must(/^[A-Za-z0-9_-]*$/.test(text), 'not base64url')
  return Buffer.from(text, 'base64url')
}
const object = (text) => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes(text)))
const headerOf = (token) => object(token.split('.')[0])

async function thumbprint(key) { // RFC 7638
  const canonical = JSON.stringify(Object.fromEntries(MEMBERS.map((name) => [name, key[name]])))
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(canonical))).toString('base64url')
}

// The claims, signed by this very key.
async function verified(token, key, kind, issuer) {
  const parts = token.split('.')
  must(parts.length === 3, 'not a compact JWS')
  const header = object(parts[0])
  must(header.typ === kind && header.alg === 'ES256' && header.kid === key.kid, 'of another kind or key')
  must(header.crit === undefined, 'an extension that nobody here knows')
  const jwk = { kty: key.kty, crv: key.crv, x: key.x, y: key.y }
  const imported = await crypto.subtle.importKey('jwk', jwk, ES256, false, ['verify'])
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`)
  must(await crypto.subtle.verify(ES256, imported, bytes(parts[2]), signed), 'the signature is wrong')
  const claims = object(parts[1])
  must(claims.iss === issuer && Number.isInteger(claims.iat), 'not said by this issuer')
  return claims
}

// The keys that the first one leads to, each with the seconds from which and until which it signed.
async function lineOf(keys, first, issuer) {
  const byKid = new Map()
  for (const key of keys) if ((await thumbprint(key)) === key.kid) byKid.set(key.kid, key)
  const successors = new Map()
  for (const key of byKid.values()) if (key.succession) successors.set(headerOf(key.succession).kid, key)
  const line = []
  let [key, begins] = [byKid.get(first), 0]
  must(key, 'the first key is not in the copy')
  while (key) {
    const successor = successors.get(key.kid)
    let ends = null
    if (successor) {
      const said = await verified(successor.succession, key, SUCCESSION, issuer)
      must(MEMBERS.every((name) => said.jwk[name] === successor[name]), 'the successor is another key')
      ends = said.iat
      must(ends >= begins, 'a key before its time')
    }
    line.push({ key, begins, ends })
    ;[key, begins] = [successor, ends]
  }
  return line
}

async function main(issuer, answerFile, keysFile, first) {
  const { attestation } = JSON.parse(await readFile(answerFile, 'utf8'))
  const { keys } = JSON.parse(await readFile(keysFile, 'utf8'))
  const { kid } = headerOf(attestation)
  const found = (await lineOf(keys, first, issuer)).find((one) => one.key.kid === kid)
  must(found, 'the first key does not lead to the one that signed this')
  const claims = await verified(attestation, found.key, FACTS, issuer)
  must(claims.iat >= found.begins, "signed before the key's time")
  must(found.ends === null || claims.iat < found.ends + SETTLES_SECONDS, "signed after the key's time")
  return claims
}

try {
  must(process.argv.length === 6, 'usage: node verify_facts.mjs ISSUER answer.json attestation-keys.json FIRST_KEY')
  console.log(JSON.stringify(await main(...process.argv.slice(2)), null, 2))
} catch (error) {
  console.error(`NOT VERIFIED: ${error.message}`)
  process.exit(1)
}
