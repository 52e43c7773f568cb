// Asks Sitthi for facts of one person, in an agency's name.
//
//   TOKEN=… node ask_facts.mjs ISSUER PURPOSE ATTRIBUTE,ATTRIBUTE… < national-id > answer.json
//
// ask_facts.py beside this one explains it. Needs no package.
import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'

const [issuer, purpose, attributes] = process.argv.slice(2)
const answer = await fetch(`${issuer}/agency/v1/facts`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${process.env.TOKEN}`, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    requestId: randomUUID(), // new for each request, also when the last one failed
    purpose,
    attributes: attributes.split(','),
    agent: { kind: 'SYSTEM', id: 'nightly-screening' }, // or an officer: { kind: 'OFFICER', id: '<32 hex digits>' }
    person: { nationalId: (await text(process.stdin)).trim() },
  }),
})
const told = await answer.json()
if (!answer.ok) {
  console.error('refused:', answer.status, JSON.stringify(told))
  process.exit(1)
}
for (const { attribute, state, value, reason } of told.facts.facts) {
  console.error(attribute, state, value === undefined ? reason : JSON.stringify(value))
}
console.log(JSON.stringify(told, null, 2)) // keep it whole: the attestation in it is the evidence
