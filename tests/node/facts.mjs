// Verifies what Sitthi attested with `jose`, a library that is not ours.

import { calculateJwkThumbprint, importJWK, jwtVerify } from 'jose';
import { converse } from './conversation.mjs';

await converse({
  /** The claims of a token of that type, by whichever key of the set it names. Refuses by throwing. */
  async verify({ token, typ, keys, issuer, at }) {
    const find = async ({ kid }) => {
      const key = keys.find((one) => one.kid === kid);
      if (!key || (await calculateJwkThumbprint(key)) !== kid) throw new Error('no such key');
      return importJWK(key, 'ES256');
    };
    const { payload } = await jwtVerify(token, find, {
      issuer,
      typ,
      algorithms: ['ES256'],
      currentDate: new Date(at * 1000),
    });
    return payload;
  },
});
