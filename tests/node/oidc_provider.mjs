// Another OpenID provider, on the certified `oidc-provider`, with its own in-memory adapter, or ours over PostgreSQL. It
// asks nobody for a password or consent: whoever `login_hint` names is signed in, as if that had been done upstream.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { converse } from './conversation.mjs';
import { postgresAdapter } from './postgres_adapter.mjs';

await converse({
  /**
   * Serves on a free port of loopback and answers the issuer. Access tokens are JWTs (RFC 9068) for `resource`.
   * `people` are claims by account; `told` names those that access tokens carry too. `database` is the URL of an empty
   * one in PostgreSQL, or missing.
   */
  async serve({ clients, people, resource, scopes, told, database }) {
    const server = createServer();
    await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
    const issuer = `http://localhost:${server.address().port}`;
    const storage = database ? { adapter: await postgresAdapter(database) } : {};
    const provider = new Provider(issuer, { ...(await settings({ clients, people, resource, scopes, told })), ...storage });
    provider.use(signInWhoeverIsNamed(provider));
    server.on('request', provider.callback());
    return { issuer, pid: process.pid };
  },
});

async function settings({ clients, people, resource, scopes, told }) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const claimsOf = (account) => ({ sub: account, ...people[account] });
  return {
    clients: clients.map((client) => ({
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
      subject_type: 'pairwise',
      ...client,
    })),
    jwks: { keys: [key] },
    cookies: { keys: ['of-a-provider-that-lives-for-a-test'] },
    scopes: ['openid', 'offline_access', ...scopes],
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false,
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_, account, client) =>
      createHash('sha256').update(`${client.clientId} ${account}`).digest('base64url'),
    findAccount: (_, account) => ({ accountId: account, claims: () => claimsOf(account) }),
    extraTokenClaims: (_, token) =>
      Object.fromEntries(told.map((name) => [name, claimsOf(token.accountId)[name]]).filter(([, value]) => value)),
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: (ctx) => grantOf(ctx, resource, scopes),
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 300, Interaction: 600, Session: 28800 },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: resource,
          scope: scopes.join(' '),
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

/** Everything that a client asks for is granted: the first time anew, from then on as before. */
async function grantOf({ oidc }, resource, scopes) {
  const known = oidc.session.grantIdFor(oidc.client.clientId);
  if (known) return await oidc.provider.Grant.find(known);
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope(['openid', 'offline_access', ...scopes].join(' '));
  grant.addResourceScope(resource, scopes.join(' '));
  await grant.save();
  return grant;
}

function signInWhoeverIsNamed(provider) {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return await next();
    const { params } = await provider.interactionDetails(ctx.req, ctx.res);
    const result = { login: { accountId: params.login_hint }, consent: {} };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
  };
}
