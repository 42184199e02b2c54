// SPDX-License-Identifier: Apache-2.0
// Counts what should become rarer and compares with scripts/ratchet.json. A count above the recorded one
// fails; one below is written down at once, so that it cannot rise again.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';
import { PROJECT_ROOT } from './run-command.mjs';
import { listProjectFiles, readProjectFile } from './tracked-files.mjs';

const LINE_LIMIT = 600;
const RATCHET_FILE = 'scripts/ratchet.json';
const SOURCE = /\.(ts|tsx|mjs|cjs|c|h|S|asm)$/;
const TEST = /\.test\.(ts|mjs)$/;
const SUPPRESSION =
  /@ts-(?:ignore|nocheck|expect-error)|(?:oxlint|eslint)-disable|biome-ignore|NOLINT|GCC diagnostic ignored|cppcheck-suppress/g;
// Spelled so that this line does not count itself.
const UNFINISHED = /\b(?:T[O]DO|F[I]XME|X[X]X)\b/g;

/** @typedef {{ suppressions: number, casts: number, unfinished: number, longFiles: Record<string, number> }} Counts */

/** @returns {Counts} */
function countAll() {
  /** @type {Counts} */
  const counts = { suppressions: 0, casts: 0, unfinished: 0, longFiles: {} };
  for (const file of listProjectFiles().filter((name) => SOURCE.test(name))) {
    const text = readProjectFile(file);
    counts.unfinished += text.match(UNFINISHED)?.length ?? 0;
    const lineCount = text.split('\n').length - 1;
    if (lineCount > LINE_LIMIT) counts.longFiles[file] = lineCount;
    // A test may say "must not compile"; that is a proof, not a suppression.
    if (TEST.test(file) || file === 'scripts/ratchet.mjs') continue;
    counts.suppressions += text.match(SUPPRESSION)?.length ?? 0;
    if (file.startsWith('src/') && /\.tsx?$/.test(file))
      counts.casts += countCasts(text, file.endsWith('.tsx'));
  }
  return counts;
}

/**
 * `x as T`, `<T>x` and `x!`; `as const` is none of them.
 * @param {string} text
 * @param {boolean} tsx
 */
function countCasts(text, tsx) {
  const tree = parseSync(text, { syntax: 'typescript', tsx, target: 'es2022' });
  let casts = 0;
  JSON.stringify(tree, (key, value) => {
    if (
      key === 'type' &&
      (value === 'TsAsExpression' || value === 'TsTypeAssertion' || value === 'TsNonNullExpression')
    ) {
      casts++;
    }
    return value;
  });
  return casts;
}

/**
 * @param {Counts} found
 * @param {Counts} recorded
 * @returns {{ worse: string[], better: boolean }}
 */
function compareCounts(found, recorded) {
  const worse = [];
  let better = false;
  for (const name of /** @type {const} */ (['suppressions', 'casts', 'unfinished'])) {
    if (found[name] > recorded[name])
      worse.push(`${name}: ${found[name]}, recorded ${recorded[name]}`);
    better ||= found[name] < recorded[name];
  }
  for (const [file, lineCount] of Object.entries(found.longFiles)) {
    const limit = recorded.longFiles[file] ?? LINE_LIMIT;
    if (lineCount > limit) worse.push(`${file}: ${lineCount} lines, limit ${limit}`);
    better ||= lineCount < limit;
  }
  better ||= Object.keys(recorded.longFiles).some((file) => found.longFiles[file] === undefined);
  return { worse, better };
}

const recorded = /** @type {Counts} */ (JSON.parse(readProjectFile(RATCHET_FILE)));
const found = countAll();
const { worse, better } = compareCounts(found, recorded);
if (worse.length > 0) {
  console.error(`ratchet: these may only fall (${RATCHET_FILE}):\n  ${worse.join('\n  ')}`);
  process.exitCode = 1;
} else if (better && process.env['CI'] === undefined) {
  writeFileSync(path.join(PROJECT_ROOT, RATCHET_FILE), `${JSON.stringify(found, null, 2)}\n`);
  console.log(`ratchet: tightened ${RATCHET_FILE}; commit it`);
} else {
  const { suppressions, casts, unfinished } = found;
  console.log(
    `ratchet: ${suppressions} suppressions, ${casts} casts, ${unfinished} unfinished marks`,
  );
}
