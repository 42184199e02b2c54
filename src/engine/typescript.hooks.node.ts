// SPDX-License-Identifier: Apache-2.0
// Lets Node.js import modules in TypeScript, whatever its version: types become blanks, so that lines and columns
// stay those of the source. Registered with node:module's register(); runs in a thread of Node's own.

import { readFile } from 'node:fs/promises';
import type { LoadHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/wasm-typescript';

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!/^file:.*\.m?ts$/.test(url)) return nextLoad(url, context);
  const text = await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', source: javascriptOf(text), shortCircuit: true };
};

function javascriptOf(text: string): string {
  try {
    return transformSync(text, { mode: 'strip-only', module: true }).code;
  } catch (cause) {
    // Not an Error but a plain object.
    const facts = new Map<string, unknown>(Object.entries(cause ?? {}));
    throw new SyntaxError(
      `line ${String(facts.get('startLine'))}: ${String(facts.get('message'))}`,
    );
  }
}
