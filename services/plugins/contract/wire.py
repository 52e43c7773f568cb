"""Contract 1 over HTTP: how the host calls a remote plugin, or a package in a host process.

A call is one `POST {endpoint.url}/operations/{operation}`, in JSON of UTF-8, never redirected, never compressed::

    {"contract": 1, "id": "<32 hex>", "plugin": "waterworks", "version": "1.0.0", "operation": "bills", "kind": "query",
     "mode": "live", "at": "2026-11-16T03:00:00.000Z", "asker": "sitthi-graph",
     "about": {"nationalId": "0000000000001"}, "arguments": {"unpaidOnly": true}}

`about` is `{"nationalId": …}` for a citizen's operation, `{"nationalIds": [...]}` for a batch, null for a public one.
`mode` is `test` while the conformance suite asks, about made-up people (their numbers begin with 0), and must then have
no effect on anybody else.

What a juristic person sends by an `ingest` has a `reporter` too: `{"organisation": "<13 digits>", "kind": "INSURER",
"officer": "…", "client": "…"}`, which the host vouches for; there is none where the agency itself sends.

The answer has status 200 and says whom it is about, exactly as it was asked::

    {"about": {"nationalId": "0000000000001"}, "answer": [...]}
    {"about": {"nationalIds": [...]}, "answers": [{"nationalId": "…", "answer": {...}}]}      # batch; others left out

or 422 and a declared error: `{"about": …, "error": {"code": "METER_SEALED"}}`. `answer` is JSON under the names of
the SDL, or as `services.plugins.contract.kinds` says: a date is `YYYY-MM-DD` (a source's may be cut to `YYYY-MM` or
`YYYY` where no more is known), an instant RFC 3339 with its offset, money `{"satang": 25050, "currency": "THB"}`. A
source answers `{"<attribute>": {"value": …, "asOf": "<instant>"}}`.

Headers of a call: `Content-Type`, `Content-Digest` (RFC 9530), `Idempotency-Key` (of calls with an effect; the same
when the call is made again), `traceparent` (W3C Trace Context), `Sitthi-Token` (if the operation forwards a token),
and a signature (RFC 9421) over all of these that are there, method and target, made with a key of
`/.well-known/service-keys.json`, with the parameters `created nonce keyid alg tag`. The agency refuses with 401 what
is not signed so, is older than :data:`FRESH_SECONDS`, or repeats a nonce. Its answer is signed the same way by a key
of its manifest, over status, type, digest, and the call's signature (RFC 9421 §2.4), so that no answer fits another
call; its parameters are `created keyid alg tag`. An answer of another status than 200 and 422 need not be signed.
"""

from __future__ import annotations

from typing import Final

OPERATIONS_PATH: Final = "/operations/"
JSON: Final = "application/json"
CONTENT_TYPE: Final = "content-type"
CONTENT_DIGEST: Final = "content-digest"
SIGNATURE: Final = "signature"
SIGNATURE_INPUT: Final = "signature-input"
IDEMPOTENCY_KEY: Final = "idempotency-key"
TRACEPARENT: Final = "traceparent"
TOKEN: Final = "sitthi-token"  # noqa: S105 - a header's name
TOKEN_TYPE: Final = "sitthi-citizen+jwt"  # noqa: S105 - a media type
TOKEN_SECONDS: Final = 60
"""How long a forwarded token lives."""
KEY_PATTERN: Final = r"^[\x21-\x7e]{8,128}$"
"""Of an idempotency key."""
KEYS_PATH: Final = "/.well-known/service-keys.json"

LABEL: Final = "sitthi"
"""Of the signature, in `Signature-Input` and `Signature`, of calls and of answers."""
CALL_TAG: Final = "sitthi-call-1"
ANSWER_TAG: Final = "sitthi-answer-1"
CALL_COMPONENTS: Final = ("@method", "@target-uri", "content-type", "content-digest")
"""Always; then, of :data:`CALL_HEADERS`, those that the call has, in this order."""
CALL_HEADERS: Final = (IDEMPOTENCY_KEY, TRACEPARENT, TOKEN)
ANSWER_COMPONENTS: Final = ("@status", "content-type", "content-digest")
"""Then `"signature";req;key="sitthi"`."""
FRESH_SECONDS: Final = 60
"""How far `created` may be from the receiver's clock, either way. Nonces are remembered for twice as long."""
ED25519: Final = "ed25519"
ES256: Final = "ecdsa-p256-sha256"
"""The two algorithms, as RFC 9421 §3.3 names them; the host signs by the first."""

DECLARED: Final = 422
"""Status of a declared error."""
UNSIGNED: Final = 401
UNKNOWN_OPERATION: Final = 404
KEY_REUSED: Final = 409
"""Of a known idempotency key with another call in it: final, whoever made the call makes it no more."""
KEY_REPEATED_DAYS_MAX: Final = 30
"""A call with an effect is made again under its key for so long after the first time, and then given up."""
KEY_REMEMBERED_DAYS: Final = 31
"""How long an agency remembers a key, at the least. That of a `submit` it remembers for ever."""
MALFORMED: Final = 400
BUSY: Final = 503
"""With `Retry-After`, which the host heeds."""

LIVE: Final = "live"
TEST: Final = "test"
