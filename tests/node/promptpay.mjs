// Reads and writes Thai payment codes (EMVCo, PromptPay) with `promptparse`, a library that is not ours.

import { generate, parse, validate } from 'promptparse';
import { converse } from './conversation.mjs';

/** Tag → value, where a tag that holds others is an object of them. Throws unless the checksum fits. */
function read({ text }) {
  const code = parse(text, true, true);
  if (!code) throw new Error('not a code');
  const shown = (tags) => Object.fromEntries(tags.map((tag) => [tag.id, tag.subTags ? shown(tag.subTags) : tag.value]));
  return shown(code.getTags());
}

await converse({
  read,
  bill: ({ biller, amount, first, second }) => generate.billPayment({ billerId: biller, amount, ref1: first, ref2: second }),
  person: ({ type, target, amount }) => generate.anyId({ type, target, amount }),
});
