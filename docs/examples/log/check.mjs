// Checks all that a citizen fetched of their access log, and that its history is still the one they kept.
//
//     node check.mjs ISSUER entries.json [KEPT-HEAD …] > head
//
// entries.json is the answer to entries.graphql. Needs Node.js 20 or newer and nothing else. Prints the newest head:
// keep it, and give it next time.

import { readFileSync } from "node:fs";
import { opened } from "./head.mjs";
import { consistent, included } from "./verify.mjs";

const [issuer, entries, ...kept] = process.argv.slice(2);
const get = async (path) => {
  const answer = await fetch(issuer + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

const { keys } = await get("/.well-known/attestation-keys.json");
const now = (await get("/verify/log/head")).signed;

async function sameHistory(old) {
  const [first, second] = [(await opened(old, keys)).size, (await opened(now, keys)).size];
  if (first > second) throw new Error(`the log had ${first} records, and now it has ${second}`);
  const { path } = first < second ? await get(`/verify/log/consistency?from=${first}&to=${second}`) : { path: [] };
  await consistent(old, now, path, keys);
}

const { nodes } = JSON.parse(readFileSync(entries, "utf8")).data.viewer.accessLog;
for (const proof of nodes.flatMap((node) => node.proofs)) {
  if (proof.state === "PROVED") {
    await included(proof.record, proof.inclusion, keys);
    await sameHistory(proof.inclusion.head);
    console.error("proved:", proof.record.document);
  } else {
    console.error("not yet:", proof.state);
  }
}
for (const file of kept) await sameHistory(readFileSync(file, "utf8").trim());
console.log(now);
