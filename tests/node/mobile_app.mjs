// The mobile example of docs/, on Node.js in place of a phone. Its browser is Python's: it hands the address over and is
// told where the person came back.

import { SitthiApp } from '../../docs/examples/mobile/app.mjs';
import { converse } from './conversation.mjs';

let app;
let opened;
let cameBack;
let ended;
const store = new Map();

const phone = {
  openBrowser: (url) => {
    opened.resolve(url);
    return cameBack.promise;
  },
  keep: (name, value) => (value === undefined ? store.delete(name) : store.set(name, value)),
  kept: (name) => store.get(name),
};

function awaited() {
  const one = {};
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  return one;
}

await converse({
  // Again is a restart: what the phone keeps is still there.
  install: ({ issuer, client_id: clientId, redirect_uri: redirectUri }) => {
    app = new SitthiApp({ issuer, clientId, redirectUri }, phone);
  },
  resume: () => app.resume(),
  begin: async () => {
    [opened, cameBack] = [awaited(), awaited()];
    ended = app.signIn();
    ended.catch(opened.reject);
    return opened.promise;
  },
  come_back: ({ url }) => {
    cameBack.resolve(url);
    return ended;
  },
  ask: ({ query }) => app.ask(query),
  ask_twice: ({ query }) => Promise.all([app.ask(query), app.ask(query)]),
  renew: () => app.renew(),
  hurry: () => { app.tokens.expiresAt = 0; },
  tokens: () => app.tokens,
  sign_out: () => app.signOut(),
});
