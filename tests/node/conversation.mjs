// What Python says to a program and hears from it: one JSON object a line, an answer for each question (tests/support/node.py).

import { createInterface } from 'node:readline';

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** `acts` are functions by name. Ends with standard input, so that no program outlives the test that started it. */
export async function converse(acts) {
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const { act, given } = JSON.parse(line);
    try {
      if (!Object.hasOwn(acts, act)) throw new Error(`no act ${act}`);
      say({ value: (await acts[act](given)) ?? null });
    } catch (error) {
      say({ refused: told(error) });
    }
  }
  process.exit(0);
}

/** Of an error: its code, the OAuth error if the other side named one, and what a person would read. */
function told(error) {
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return {
    code: error.code ?? cause?.code ?? null,
    error: error.error ?? error.cause?.error ?? null,
    status: error.status ?? null,
    message: [error.message, cause?.message].filter(Boolean).join(': '),
  };
}
