// SPDX-License-Identifier: Apache-2.0
import type { SourceLine } from '../guests/index.ts';

/** A mistake in a guest's source: a bug of this project, so it keeps its stack. */
export function sourceError(line: SourceLine, what: string): Error {
  return new Error(`${line.file}:${line.number}: ${what}: ${line.text.trim()}`);
}
