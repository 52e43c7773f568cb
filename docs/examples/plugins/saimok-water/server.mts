// The waterworks over HTTP: `node out/server.mjs` beside manifest.json answers at the address in it. Needs no package.
//
//   SITTHI        the address of Sitthi, whose keys sign the calls; http://localhost:8000 by default
//   SIGNING_KEY   the file with the key that signs the answers; private-key.json by default
import { createPrivateKey, type JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'

import { Declared, OPERATIONS } from './waterworks.mjs'
import { keysOf, Nonces, NotSigned, sign, type Signed, verify } from './wire.mjs'

interface Asked {
  readonly contract: unknown
  readonly plugin: unknown
  readonly operation: unknown
  readonly kind: unknown
  readonly mode: unknown
  readonly about: { readonly nationalId: string } | null
  readonly arguments: Readonly<Record<string, unknown>>
}

interface Manifest {
  readonly slug: string
  readonly operations: Readonly<Record<string, { readonly kind: string; readonly access?: string }>>
  readonly endpoint: { readonly url: string }
}

interface Answer {
  readonly status: number
  readonly told: Readonly<Record<string, unknown>>
}

/** The call is not taken: the status says so, and needs no signature. */
class Refused extends Error {
  constructor(readonly status: number, readonly code: string, readonly why = '') {
    super(code)
  }
}

const BODY_BYTES_MAX = 2_000_000
const EFFECTS = new Set(['submit', 'cancel', 'ingest', 'issue', 'notify'])
const manifest = JSON.parse(readFileSync('manifest.json', 'utf8')) as Manifest
const jwk = JSON.parse(readFileSync(process.env['SIGNING_KEY'] ?? 'private-key.json', 'utf8')) as JsonWebKey & { kid: string }
const key = createPrivateKey({ key: jwk, format: 'jwk' })
const keys = keysOf(process.env['SITTHI'] ?? 'http://localhost:8000')
const nonces = new Nonces()
/** What was answered under each idempotency key. In memory here: keep it in your database, with the effect itself. */
const done = new Map<string, { readonly asked: string; readonly answer: Promise<Answer> }>()

async function answer(operation: string, request: IncomingMessage, body: Buffer): Promise<{ signed: Signed; answer: Answer }> {
  const signed = await verified(operation, request, body)
  const asked = read(operation, body)
  const told = EFFECTS.has(String(asked.kind)) ? await once(asked, signed.headers.get('idempotency-key')) : await act(asked)
  return { signed, answer: { status: told.status, told: { about: asked.about, ...told.told } } }
}

async function verified(operation: string, request: IncomingMessage, body: Buffer): Promise<Signed> {
  const now = Date.now() / 1000
  try {
    const signed = await verify(`${manifest.endpoint.url}/operations/${operation}`, request.rawHeaders, body, keys, now)
    if (!nonces.isNew(signed.nonce, now)) throw new NotSigned('REPLAYED')
    return signed
  } catch (error) {
    if (error instanceof NotSigned) throw new Refused(401, 'UNSIGNED', error.message)
    throw error
  }
}

/** What is asked, if it is a call of contract 1 for this service. */
function read(operation: string, body: Buffer): Asked {
  const spec = Object.hasOwn(manifest.operations, operation) ? manifest.operations[operation] : undefined
  if (!spec) throw new Refused(404, 'UNKNOWN_OPERATION')
  let asked: Asked | undefined
  try {
    asked = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Asked
  } catch {
    // falls to the refusal below
  }
  const isOurs =
    asked?.contract === 1 && asked.plugin === manifest.slug && asked.operation === operation && asked.kind === spec.kind
  const isAbout = spec.access === 'public' ? asked?.about === null : /^\d{13}$/.test(asked?.about?.nationalId ?? '')
  const isWhole = ['live', 'test'].includes(String(asked?.mode)) && isObject(asked?.arguments)
  if (!asked || !isOurs || !isAbout || !isWhole) throw new Refused(400, 'MALFORMED', 'no call of contract 1 for this operation')
  return asked
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Acts on the first call under the key; the others, also those that come meanwhile, hear what that one heard. */
async function once(call: Asked, idempotencyKey: string | undefined): Promise<Answer> {
  if (!idempotencyKey) throw new Refused(400, 'MALFORMED', 'a call with an effect has an Idempotency-Key')
  const name = `${String(call.mode)}:${idempotencyKey}`
  const asked = JSON.stringify([call.operation, call.about, call.arguments]) // its `id` and `at` are of each attempt
  const known = done.get(name) ?? { asked, answer: act(call) }
  if (known.asked !== asked) throw new Refused(409, 'KEY_REUSED')
  done.set(name, known)
  try {
    return await known.answer
  } catch (error) {
    done.delete(name) // nothing was answered: it may be tried again
    throw error
  }
}

async function act(asked: Asked): Promise<Answer> {
  const run = OPERATIONS.get(String(asked.operation))
  if (!run) throw new Refused(404, 'UNKNOWN_OPERATION')
  try {
    const person = asked.about?.nationalId ?? null
    return { status: 200, told: { answer: await run({ person, arguments: asked.arguments, isTest: asked.mode === 'test' }) } }
  } catch (error) {
    if (error instanceof Declared) return { status: 422, told: { error: { code: error.message } } }
    throw error
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new Refused(413, 'TOO_LARGE')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const server = createServer((request, response) => {
  const respond = async (): Promise<void> => {
    const operation = /^\/operations\/([A-Za-z0-9]+)$/.exec(new URL(request.url ?? '/', 'http://x').pathname)?.[1]
    if (request.method !== 'POST' || !operation) throw new Refused(404, 'UNKNOWN_OPERATION')
    const { signed, answer: found } = await answer(operation, request, await bodyOf(request))
    const body = Buffer.from(JSON.stringify(found.told))
    response.writeHead(found.status, sign(found.status, body, signed, key, jwk.kid, Date.now() / 1000)).end(body)
  }
  respond().catch((error: unknown) => {
    const { status, code, why } = error instanceof Refused ? error : new Refused(500, 'FAILED')
    if (status === 500) console.error('failed:', error instanceof Error ? error.name : typeof error)
    if (response.headersSent || response.destroyed) return
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ code, why }))
  })
})
server.requestTimeout = 15_000
const { hostname, port } = new URL(manifest.endpoint.url)
server.listen(Number(port), hostname, () => console.log(`the waterworks answer at ${manifest.endpoint.url}`))
