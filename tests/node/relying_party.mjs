// A client of our provider on `openid-client`, a library certified for Basic and FAPI 2.0 relying parties. All that it
// checks of an answer it checks here too, and the signatures of ID tokens, which it could leave to https. Nothing is
// switched off but the demand for https on loopback.

import * as client from 'openid-client';
import { importJWK } from 'jose';
import { converse } from './conversation.mjs';

let config;
let options = {};
let pending;

const tokensOf = (answer) => ({ ...answer, claims: answer.claims?.() ?? null });

await converse({
  /**
   * `key`, a private JWK, makes a client that signs its assertions; `dpop` binds its tokens to a fresh key;
   * `clock_skew` is by how many seconds its clock is wrong.
   */
  async discover({ issuer, client_id, key, dpop, metadata, clock_skew }) {
    const authentication = key
      ? client.PrivateKeyJwt({ key: await importJWK(key, key.alg ?? 'ES256'), kid: key.kid })
      : client.None();
    config = await client.discovery(new URL(issuer), client_id, metadata, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });
    config[client.clockSkew] = clock_skew ?? 0;
    options = {};
    if (dpop) options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) };
    return config.serverMetadata();
  },

  /** Where the browser goes; with `pushed`, by PAR. What has to be checked of its return is remembered. */
  async authorize({ redirect_uri, scope, pushed, extra }) {
    const verifier = client.randomPKCECodeVerifier();
    pending = { verifier, state: client.randomState(), nonce: client.randomNonce() };
    const parameters = {
      redirect_uri,
      scope,
      state: pending.state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(scope.split(' ').includes('openid') ? { nonce: pending.nonce } : {}),
      ...extra,
    };
    if (!scope.split(' ').includes('openid')) pending.nonce = undefined;
    const url = pushed
      ? await client.buildAuthorizationUrlWithPAR(config, parameters, options)
      : client.buildAuthorizationUrl(config, parameters);
    return { url: url.href, ...pending };
  },

  /** The browser is back at `url`. `expected` replaces what was remembered, as a client would that mixed up two requests. */
  async callback({ url, expected, extra }) {
    const { verifier, state, nonce, max_age } = { ...pending, ...expected };
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: max_age };
    return tokensOf(await client.authorizationCodeGrant(config, new URL(url), checks, extra, options));
  },

  async refresh({ refresh_token, extra }) {
    return tokensOf(await client.refreshTokenGrant(config, refresh_token, extra, options));
  },

  async client_credentials({ extra }) {
    return tokensOf(await client.clientCredentialsGrant(config, extra, options));
  },

  async userinfo({ access_token, sub }) {
    return await client.fetchUserInfo(config, access_token, sub, options);
  },

  /** A refused token is an answer as well: its status, and the challenge as scheme and error. `bare` brings no proof. */
  async resource({ access_token, url, body, bare }) {
    const headers = new Headers({ 'content-type': 'application/json' });
    try {
      const response = await client.fetchProtectedResource(
        config, access_token, new URL(url), 'POST', JSON.stringify(body), headers, bare ? {} : options,
      );
      return { status: response.status, body: await response.json() };
    } catch (error) {
      if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error;
      const [{ scheme, parameters }] = error.cause;
      return { status: error.status, challenge: `${scheme} ${parameters.error}` };
    }
  },

  async revoke({ token, extra }) {
    await client.tokenRevocation(config, token, extra);
  },

  async introspect({ token, extra }) {
    return await client.tokenIntrospection(config, token, extra);
  },

  async end_session({ parameters }) {
    return client.buildEndSessionUrl(config, parameters).href;
  },

  /** RFC 7638 of the key that our tokens are bound to. */
  async thumbprint() {
    return options.DPoP ? await options.DPoP.calculateThumbprint() : null;
  },
});
