// Issues, shows and verifies credentials with `@sd-jwt/sd-jwt-vc`, a library that is not ours.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { converse } from './conversation.mjs';

const ec = { dsaEncoding: 'ieee-p1363' };
const signer = (jwk) => (data) => sign('sha256', Buffer.from(data), { key: createPrivateKey({ key: jwk, format: 'jwk' }), ...ec }).toString('base64url');
const verifier = (jwk) => (data, signature) =>
  verify('sha256', Buffer.from(data), { key: createPublicKey({ key: jwk, format: 'jwk' }), ...ec }, Buffer.from(signature, 'base64url'));
const common = {
  signAlg: 'ES256',
  hashAlg: 'sha-256',
  hasher: (data, alg) => new Uint8Array(createHash(alg.replace('-', '')).update(typeof data === 'string' ? data : Buffer.from(data)).digest()),
  saltGenerator: (length) => randomBytes(length ?? 16).toString('base64url'),
};

await converse({
  issue: ({ claims, frame, key }) => new SDJwtVcInstance({ ...common, signer: signer(key) }).issue(claims, frame, { header: { kid: key.kid } }),
  present: ({ credential, frame, holder, audience, nonce, at }) =>
    new SDJwtVcInstance({ ...common, kbSigner: signer(holder), kbSignAlg: 'ES256' }).present(credential, frame, {
      kb: { payload: { iat: at, aud: audience, nonce } },
    }),
  verify: async ({ presented, key, holder, nonce, at, status }) => {
    const instance = new SDJwtVcInstance({
      ...common,
      verifier: verifier(key),
      kbVerifier: holder && verifier(holder),
      statusListFetcher: () => status,
      statusVerifier: verifier(key),
    });
    return instance.verify(presented, { currentDate: at, ...(nonce && { keyBindingNonce: nonce }) });
  },
});
