// SPDX-License-Identifier: Apache-2.0
// What a command reads, which none of its outputs may replace.

import { statSync } from 'node:fs';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';
import { parseSymbolArgument } from '../symbols/index.ts';
import { type CommandInput, findTexts, wordAt } from './command-spec.ts';

/** Of a command whose first word is the trace: it, and the files of --symbols. */
export function inputFiles(input: CommandInput): readonly string[] {
  const symbols = findTexts(input, 'symbols').map((text) => parseSymbolArgument(text).file);
  return [wordAt(input, 0), ...symbols];
}

/**
 * Throws UserError 'usage' when one of the files that an output would replace is an input, under whatever name: links are
 * what they lead to. `option` is how the command line names the output.
 */
export function requireNoInput(
  files: readonly string[],
  inputs: readonly string[],
  option: string,
): void {
  const read = new Set(inputs.flatMap((input) => identityOf(input) ?? []));
  const found = files.find((file) => read.has(identityOf(file) ?? ''));
  if (found === undefined) return;
  throw new UserError(
    ExitCode.usage,
    `${path.resolve(found)} is read here, and is not replaced`,
    `name another: ${option}`,
  );
}

/** Undefined for what is not there, or cannot be looked at. */
function identityOf(file: string): string | undefined {
  try {
    const facts = statSync(file, { bigint: true, throwIfNoEntry: false });
    return facts === undefined ? undefined : `${facts.dev}:${facts.ino}`;
  } catch {
    return undefined; // whoever opens it will say why not
  }
}
