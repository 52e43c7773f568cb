// A wallet that is not ours: `@openid4vc/openid4vci` follows an offer and fetches what it is for, over HTTP.

import { createHash, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { clientAuthenticationAnonymous, setGlobalConfig } from '@openid4vc/oauth2';
import { Openid4vciClient } from '@openid4vc/openid4vci';
import { converse } from './conversation.mjs';

setGlobalConfig({ allowInsecureUrls: true });
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** `issuer` is how the server calls itself, `address` where it is; `keys` are private JWKs, one for each copy. */
async function receive({ offer, digits, keys, issuer, address, at }) {
  const callbacks = {
    fetch: (url, init) => fetch(String(url).replace(issuer, address), init),
    hash: (data, alg) => createHash(alg.replace('-', '')).update(data).digest(),
    generateRandom: (length) => randomBytes(length),
    clientAuthentication: clientAuthenticationAnonymous(),
    signJwt: ({ publicJwk }, { header, payload }) => {
      const jwk = keys.find((key) => key.x === publicJwk.x);
      const signed = `${encoded(header)}.${encoded(payload)}`;
      const key = { key: createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
      return { jwt: `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`, signerJwk: publicJwk };
    },
  };
  const client = new Openid4vciClient({ callbacks });
  const credentialOffer = await client.resolveCredentialOffer(offer);
  const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer);
  const { accessTokenResponse } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({ credentialOffer, issuerMetadata, txCode: digits });
  const nonce = keys.length ? (await client.requestNonce({ issuerMetadata })).c_nonce : undefined;
  const [credentialConfigurationId] = credentialOffer.credential_configuration_ids;
  const proofs = await Promise.all(
    keys.map(({ kty, crv, x, y }) =>
      client.createCredentialRequestJwtProof({
        issuerMetadata,
        credentialConfigurationId,
        nonce,
        issuedAt: new Date(at * 1000),
        signer: { method: 'jwk', alg: 'ES256', publicJwk: { kty, crv, x, y } },
      }),
    ),
  );
  const { credentialResponse } = await client.retrieveCredentials({
    issuerMetadata,
    accessToken: accessTokenResponse.access_token,
    credentialConfigurationId,
    ...(keys.length ? { proofs: { jwt: proofs.map(({ jwt }) => jwt) } } : {}),
  });
  return credentialResponse.credentials.map(({ credential }) => credential);
}

await converse({ receive });
