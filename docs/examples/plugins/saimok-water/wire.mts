// Signatures of calls and answers: HTTP Message Signatures (RFC 9421), Content-Digest (RFC 9530).
//
// Sitthi signs every call by Ed25519 over its method, address, type, digest and, where they are there, idempotency key,
// trace and token, all in this order. The agency signs every answer, here by ECDSA on P-256, over its status, type, digest
// and the call's own signature, so that no answer fits another call.
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, sign as signed, verify as fits } from 'node:crypto'

export const FRESH_SECONDS = 60
const COVERED = ['content-type', 'content-digest']
const COVERED_WHEN_THERE = ['idempotency-key', 'traceparent', 'sitthi-token']
const HEADERS = new Set([...COVERED, ...COVERED_WHEN_THERE, 'signature', 'signature-input'])
const INPUT =
  /^sitthi=(\(([^()]*)\);created=(\d{1,12});nonce="([A-Za-z0-9_-]{16,64})";keyid="([^"]+)";alg="ed25519";tag="sitthi-call-1")$/
const SIGNATURE = /^sitthi=(:([A-Za-z0-9+/]{86}==):)$/

/** The call is not Sitthi's, or not as Sitthi sent it, or too old, or a repetition; the message says which. */
export class NotSigned extends Error {}

export interface Signed {
  readonly nonce: string
  /** Goes into the signature of the answer. */
  readonly signature: string
  /** The headers that the signature covers, and no others. */
  readonly headers: ReadonlyMap<string, string>
}

export type Keys = (keyid: string) => Promise<KeyObject | undefined>

/** `url` is where Sitthi sent the call: the endpoint of the manifest and the operation's path. `raw` as node:http has it. */
export async function verify(url: string, raw: readonly string[], body: Buffer, keys: Keys, now: number): Promise<Signed> {
  const told = new Map<string, string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    if (!HEADERS.has(name)) continue
    if (told.has(name)) throw new NotSigned('REPEATED') // what stands twice could be read in two ways
    told.set(name, (raw[at + 1] ?? '').trim())
  }
  const input = INPUT.exec(told.get('signature-input') ?? '')
  const signature = SIGNATURE.exec(told.get('signature') ?? '')
  if (!input || !signature) throw new NotSigned('MALFORMED')
  const [, parameters = '', covered, created, nonce = '', keyid = ''] = input
  const headers = new Map([...COVERED, ...COVERED_WHEN_THERE.filter((name) => told.has(name))].map((n) => [n, told.get(n) ?? '']))
  const lines = new Map([['@method', 'POST'], ['@target-uri', url], ...headers])
  if (covered !== [...lines.keys()].map((name) => `"${name}"`).join(' ')) throw new NotSigned('PROFILE')
  if (Math.abs(now - Number(created)) > FRESH_SECONDS) throw new NotSigned('STALE')
  if (headers.get('content-digest') !== digest(body)) throw new NotSigned('DIGEST')
  const key = await keys(keyid)
  if (key?.asymmetricKeyType !== 'ed25519') throw new NotSigned('KEY')
  const written = [...lines].map(([name, value]): [string, string] => [`"${name}"`, value])
  if (!fits(null, base(written, parameters), key, Buffer.from(signature[2] ?? '', 'base64'))) throw new NotSigned('WRONG')
  return { nonce, signature: signature[1] ?? '', headers }
}

/** The headers of an answer. */
export function sign(status: number, body: Buffer, call: Signed, key: KeyObject, keyid: string, now: number) {
  const lines: [string, string][] = [
    ['"@status"', String(status)],
    ['"content-type"', 'application/json'],
    ['"content-digest"', digest(body)],
    ['"signature";req;key="sitthi"', call.signature],
  ]
  const names = lines.map(([name]) => name).join(' ')
  const parameters = `(${names});created=${Math.floor(now)};keyid="${keyid}";alg="ecdsa-p256-sha256";tag="sitthi-answer-1"`
  const signature = signed('sha256', base(lines, parameters), { key, dsaEncoding: 'ieee-p1363' }).toString('base64')
  return {
    'content-type': 'application/json',
    'content-digest': digest(body),
    'signature-input': `sitthi=${parameters}`,
    signature: `sitthi=:${signature}:`,
  }
}

/** What is signed (RFC 9421 §2.5). */
function base(lines: readonly [string, string][], parameters: string): Buffer {
  return Buffer.from([...lines.map(([name, value]) => `${name}: ${value}`), `"@signature-params": ${parameters}`].join('\n'))
}

function digest(body: Buffer): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

/** Sitthi's keys as it publishes them; asked for anew when one is not known, every ten seconds at most. */
export function keysOf(sitthi: string): Keys {
  let known = new Map<string, KeyObject>()
  let asked = -Infinity
  let asking = Promise.resolve()
  const fetched = async (): Promise<void> => {
    const answer = await fetch(`${sitthi}/.well-known/service-keys.json`, { signal: AbortSignal.timeout(5_000) })
    const { keys } = (await answer.json()) as { keys: (JsonWebKey & { kid: string })[] }
    known = new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]))
  }
  return async (keyid) => {
    if (!known.has(keyid) && performance.now() - asked > 10_000) {
      asked = performance.now()
      asking = fetched().catch(() => undefined) // then those that were known stay
    }
    await asking
    return known.get(keyid)
  }
}

/** Nonces of the last two minutes. With several processes, keep them where all of them look. */
export class Nonces {
  readonly #until = new Map<string, number>()

  isNew(nonce: string, now: number): boolean {
    for (const [old, until] of this.#until) {
      if (until >= now) break
      this.#until.delete(old)
    }
    if (this.#until.has(nonce)) return false
    this.#until.set(nonce, now + 2 * FRESH_SECONDS)
    return true
  }
}
