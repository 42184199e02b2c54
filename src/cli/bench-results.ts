// SPDX-License-Identifier: Apache-2.0
// Keeps what a benchmark measured: bench/results/DATE-BENCHMARK-OF-WHAT.json.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PROJECT_FOLDER } from '../capture/index.ts';
import type { CliContext, OptionSpec } from './command-spec.ts';

export const SAVE_OPTION: OptionSpec = {
  flags: '--save',
  description: 'write the result to bench/results/ too',
};

/** `of` says in the file's name what was measured. */
export async function saveBenchResult(
  result: { readonly benchmark: string; readonly date: string },
  of: string,
  context: CliContext,
): Promise<void> {
  const folder = path.join(PROJECT_FOLDER, 'bench', 'results');
  const name = `${result.date.slice(0, 10)}-${result.benchmark.replace(' --', '-')}-${of}.json`;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, name), `${JSON.stringify(result, null, 2)}\n`);
  context.writeErr(`loadstore: written: bench/results/${name}\n`);
}
