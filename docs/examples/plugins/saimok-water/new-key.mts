// Makes the key that signs answers: `node out/new-key.mjs private-key.json http://127.0.0.1:8301`.
//
// The private half goes into the file, for your eyes alone; the public half, and where you answer, into manifest.json.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const [file = 'private-key.json', url = 'http://127.0.0.1:8301'] = process.argv.slice(2)
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { crv, kty, x, y } = publicKey.export({ format: 'jwk' })
const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url') // RFC 7638
const published = { crv, kty, x, y, kid, use: 'sig', alg: 'ES256' }

writeFileSync(file, JSON.stringify({ ...published, d: privateKey.export({ format: 'jwk' }).d }, null, 2), { mode: 0o600, flag: 'wx' })
const manifest = JSON.parse(readFileSync('manifest.json', 'utf8')) as { endpoint?: { keys: object[] } }
const before = manifest.endpoint?.keys ?? []
writeFileSync('manifest.json', `${JSON.stringify({ ...manifest, endpoint: { url, keys: [...before, published] } }, null, 2)}\n`)
console.log(`${file} signs as ${kid}`)
