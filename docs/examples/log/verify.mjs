// What a proof of Sitthi's access log says, checked by whoever holds it: no part of this is ours to trust. Node 20 or
// any browser. Each function throws if it is not so. `keys` are those of /.well-known/attestation-keys.json.

import { hex, opened, unhex } from "./head.mjs";

/** The record stands in the tree of that head. */
export async function included(record, inclusion, keys) {
  const { size, root } = await opened(inclusion.head, keys);
  const committed = await sha(unhex(record.salt), new TextEncoder().encode(record.document));
  const leaf = await sha([0], unhex(record.id), unhex(record.time.toString(16).padStart(16, "0")), committed);
  must(inclusion.leafIndex >= 0 && inclusion.leafIndex < size && size === inclusion.treeSize, "no such leaf");
  const [made] = await climb(inclusion.leafIndex, size - 1, inclusion.path, [leaf]);
  must(hex(made) === root, "another tree");
}

/** The tree of the new head begins with the whole tree of the old one. */
export async function consistent(old, now, path, keys) {
  const [first, second] = [await opened(old, keys), await opened(now, keys)];
  if (first.size === second.size) return must(first.root === second.root && !path.length, "history was changed");
  let [at, last, steps] = [first.size - 1, second.size - 1, [...path]];
  while (at % 2) [at, last] = [half(at), half(last)];
  const start = unhex(at ? steps.shift() : first.root);
  const [before, after] = await climb(at, last, steps, [start, start]);
  must(hex(before) === first.root && hex(after) === second.root, "history was changed");
}

/** RFC 9162 §2.1.3.2 and §2.1.4.2: up the tree, to the root; the last of `made` takes every step. */
async function climb(at, last, path, made) {
  for (const step of path.map(unhex)) {
    must(last > 0, "the path is too long");
    if (at % 2 || at === last) {
      made = await Promise.all(made.map((one) => sha([1], step, one)));
      while (at && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else {
      made = [...made.slice(0, -1), await sha([1], made.at(-1), step)];
    }
    [at, last] = [half(at), half(last)];
  }
  must(last === 0, "the path is too short");
  return made;
}

const half = (number) => Math.floor(number / 2);
const sha = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flatMap((part) => [...part]))));
function must(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
