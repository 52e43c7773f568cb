// Checks a receipt or a statement of Sitthi without a network: what its QR code holds, against a copy of the keys.
//
//   node check.mjs ISSUER attestation-keys.json < what-the-qr-code-holds
//
// What the file is, check.py beside this one explains. Needs no package: Web Cryptography is in every browser too.
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

const KINDS = ['sitthi-receipt+jwt', 'sitthi-statement+jwt']
const SETTLES_MS = 120_000 // a server that has not heard of the next key yet may sign with the former one so long
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const must = (holds, why) => {
  if (!holds) throw new Error(why)
}
const bytes = (part) => {
  const read = Buffer.from(part, 'base64url')
  must(read.toString('base64url') === part, 'not canonical base64url')
  return read
}
const object = (part) => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes(part)))

try {
  const [issuer, file] = process.argv.slice(2)
  const parts = (await text(process.stdin)).trim().split('#').at(-1).split('.') // an address may stand before it
  must(parts.length === 3, 'not a compact JWS')
  const [header, claims, signature] = [object(parts[0]), object(parts[1]), bytes(parts[2])]
  must(KINDS.includes(header.typ) && header.alg === 'ES256' && !header.crit, 'neither a receipt nor a statement')
  const key = JSON.parse(await readFile(file, 'utf8')).keys.find(({ kid }) => kid === header.kid)
  must(key, 'a key that is not in the copy')
  const jwk = { kty: key.kty, crv: key.crv, x: key.x, y: key.y }
  const known = await crypto.subtle.importKey('jwk', jwk, ES256, false, ['verify'])
  must(await crypto.subtle.verify(ES256, known, signature, Buffer.from(`${parts[0]}.${parts[1]}`)), 'the signature is wrong')
  must(claims.iss === issuer && Number.isInteger(claims.iat), 'not said by this issuer')
  const [at, begins] = [claims.iat * 1000, Math.floor(Date.parse(key.signs_from) / 1000) * 1000]
  must(at >= begins && (!key.ended_at || at < Date.parse(key.ended_at) + SETTLES_MS), 'the key did not sign at that time')
  console.log(JSON.stringify(claims, null, 2))
} catch (error) {
  console.error(`NOT VERIFIED: ${error.message}`)
  process.exitCode = 1
}
