// Opens a tree head of Sitthi's access log: what it says, if one of the log's keys signed it. Node 20 or any browser.

/** Size and root of a tree head, a JWS (RFC 7515) that one of the keys signed. */
export async function opened(head, keys) {
  const [top, body, signature] = head.split(".");
  const told = JSON.parse(new TextDecoder().decode(b64(top)));
  const { size, root } = JSON.parse(new TextDecoder().decode(b64(body)));
  if (told.alg !== "ES256" || told.typ !== "sitthi-tree-head+jwt") throw new Error("no tree head");
  const { kty, crv, x, y } = keys.find((one) => one.kid === told.kid);
  const [curve, bytes] = [{ name: "ECDSA", namedCurve: "P-256" }, new TextEncoder().encode(`${top}.${body}`)];
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, curve, false, ["verify"]);
  const holds = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, b64(signature), bytes);
  if (!holds) throw new Error("not signed");
  return { size, root };
}

const b64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export function unhex(text) {
  if (!/^([0-9a-f]{2})+$/.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}
