// Verifies HTTP Message Signatures (RFC 9421) with `http-message-signatures`, a library that is not ours.

import { createPublicKey } from 'node:crypto';
import signatures from 'http-message-signatures';
import { converse } from './conversation.mjs';

const { createVerifier, httpbis } = signatures;

/** Throws unless the message's one signature fits, and has these fields and parameters. */
async function verify(message, request, { keys, fields, params }) {
  const keyLookup = async ({ keyid, alg }) => {
    const jwk = keys.find((one) => one.kid === keyid);
    const verifier = jwk && createVerifier(createPublicKey({ key: jwk, format: 'jwk' }), alg);
    return jwk && { id: keyid, algs: [alg], verify: verifier };
  };
  const config = { keyLookup, requiredFields: fields, requiredParams: params, all: true, maxAge: 60, tolerance: 0 };
  if (!(await httpbis.verifyMessage(config, message, request))) throw new Error('the signature does not fit');
}

await converse({
  call: ({ call, ...rest }) => verify(call, undefined, rest),
  answer: ({ answer, call, ...rest }) => verify(answer, call, rest),
});
