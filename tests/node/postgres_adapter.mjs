// The storage of `oidc-provider` in PostgreSQL, as one would write it for production: one pool, one table, a prepared
// statement for each thing that is asked, committed by itself with whatever safety of the disk the server has.

import { errors } from 'oidc-provider';
import pg from 'pg';

const TABLE = `
  CREATE TABLE artifact (
    model text NOT NULL,
    id text NOT NULL,
    payload jsonb NOT NULL,
    grant_id text,
    uid text,
    user_code text,
    expires_at timestamptz,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX artifact_grant_id ON artifact (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX artifact_uid ON artifact (model, uid) WHERE uid IS NOT NULL;
  CREATE INDEX artifact_user_code ON artifact (model, user_code) WHERE user_code IS NOT NULL;
`;
const LIVES = '(expires_at IS NULL OR expires_at > now())';

const STATEMENTS = {
  upsert: `
    INSERT INTO artifact (model, id, payload, grant_id, uid, user_code, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    ON CONFLICT (model, id) DO UPDATE SET
      payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, user_code = excluded.user_code,
      expires_at = excluded.expires_at`,
  find: `SELECT payload FROM artifact WHERE model = $1 AND id = $2 AND ${LIVES}`,
  findByUid: `SELECT payload FROM artifact WHERE model = $1 AND uid = $2 AND ${LIVES}`,
  findByUserCode: `SELECT payload FROM artifact WHERE model = $1 AND user_code = $2 AND ${LIVES}`,
  consume: `
    UPDATE artifact SET payload = payload || jsonb_build_object('consumed', floor(extract(epoch FROM now())))
    WHERE model = $1 AND id = $2 AND NOT payload ? 'consumed'`,
  destroy: 'DELETE FROM artifact WHERE model = $1 AND id = $2',
  revokeByGrantId: 'DELETE FROM artifact WHERE model = $1 AND grant_id = $2',
};

/** Of a database that is empty still: makes the table, and answers what `oidc-provider` takes as `adapter`. */
export async function postgresAdapter(url) {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(TABLE);
  const run = (name, ...values) => pool.query({ name, text: STATEMENTS[name], values });
  const payloadOf = async (...question) => (await run(...question)).rows[0]?.payload;

  return (model) => ({
    async upsert(id, payload, expiresIn) {
      const { grantId, uid, userCode } = payload;
      await run('upsert', model, id, JSON.stringify(payload), grantId, uid, userCode, expiresIn);
    },
    find: (id) => payloadOf('find', model, id),
    findByUid: (uid) => payloadOf('findByUid', model, uid),
    findByUserCode: (userCode) => payloadOf('findByUserCode', model, userCode),
    async consume(id) {
      // The provider has looked before, and so may have another request at the same time.
      if ((await run('consume', model, id)).rowCount === 0) throw new errors.InvalidGrant('already consumed');
    },
    destroy: (id) => run('destroy', model, id),
    revokeByGrantId: (grantId) => run('revokeByGrantId', model, grantId),
  });
}
