// SPDX-License-Identifier: Apache-2.0
// Compares the cache model with valgrind's cachegrind on one stream of references, which valgrind's lackey
// writes down: docs/referees.md.
//   node scripts/referee-cachegrind.mjs --update           test/referees/walk-golden.json, from walk.S
//   node scripts/referee-cachegrind.mjs -- /bin/ls /usr    any program whose runs do not differ

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { localProgram, PROJECT_ROOT, run, runCode } from './run-command.mjs';

/** @typedef {{ sizeBytes: number, ways: number }} Geometry */
/** @typedef {{ I1: Geometry, D1: Geometry, LL: Geometry }} Geometries */

const LINE_BYTES = 64;

/** @type {readonly Geometries[]} */
const GEOMETRIES = [
  {
    I1: { sizeBytes: 1024, ways: 2 },
    D1: { sizeBytes: 2048, ways: 1 },
    LL: { sizeBytes: 16384, ways: 4 },
  },
  {
    I1: { sizeBytes: 4096, ways: 4 },
    D1: { sizeBytes: 8192, ways: 8 },
    LL: { sizeBytes: 32768, ways: 16 },
  },
  {
    I1: { sizeBytes: 32768, ways: 8 },
    D1: { sizeBytes: 32768, ways: 8 },
    LL: { sizeBytes: 262144, ways: 16 },
  },
];

/** Nothing of the caller's environment reaches the program: its stack is the same each time. */
const ENVIRONMENT = ['-i', 'PATH=/usr/bin:/bin', 'LC_ALL=C'];

/** @param {string} folder @param {readonly string[]} program */
function listReferences(folder, program) {
  const log = path.join(folder, 'lackey.txt');
  const options = ['--tool=lackey', '--trace-mem=yes', `--log-file=${log}`];
  run('env', [...ENVIRONMENT, 'valgrind', ...options, ...program]);
  return readFileSync(log, 'latin1')
    .split('\n')
    .filter((line) => /^(?:I | [LSM]) /.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * @param {string} folder @param {Geometries} geometries @param {readonly string[]} program
 * @returns {Record<string, number>}
 */
function runCachegrind(folder, geometries, program) {
  const output = path.join(folder, 'cachegrind.txt');
  const options = Object.entries(geometries).map(
    ([name, { sizeBytes, ways }]) => `--${name}=${sizeBytes},${ways},${LINE_BYTES}`,
  );
  run('env', [
    ...ENVIRONMENT,
    'valgrind',
    ...['--tool=cachegrind', '--cache-sim=yes', `--cachegrind-out-file=${output}`, '-q'],
    ...options,
    ...program,
  ]);
  const text = readFileSync(output, 'latin1');
  const names = /^events: (.*)$/m.exec(text)?.[1]?.trim().split(' ') ?? [];
  const counts = /^summary: (.*)$/m.exec(text)?.[1]?.trim().split(' ') ?? [];
  if (names.length === 0 || names.length !== counts.length) {
    throw new Error(`cachegrind wrote no summary: ${text.slice(0, 200)}`);
  }
  return Object.fromEntries(names.map((name, i) => [name, Number(counts[i])]));
}

/** @param {string} folder @param {readonly string[]} program */
function compareByCachegrind(folder, program) {
  return GEOMETRIES.map((geometries) => ({
    geometries,
    counts: runCachegrind(folder, geometries, program),
  }));
}

const WALK = path.join(PROJECT_ROOT, 'test', 'referees', 'walk.S');
const GOLDEN = path.join(PROJECT_ROOT, 'test', 'referees', 'walk-golden.json');
const WALK_LINK = ['-static', '-nostdlib', '-no-pie'];
const WALK_PLACES = '-Wl,--build-id=none,-Ttext=0x401000,-Tbss=0x601000';

/** @param {string} folder */
function updateGolden(folder) {
  const variants = [true, false].map((aligned) => {
    const program = path.join(folder, 'walk');
    const define = aligned ? ['-DALIGNED'] : [];
    run('gcc', [...WALK_LINK, WALK_PLACES, ...define, '-o', program, WALK]);
    const references = listReferences(folder, [program]);
    return {
      aligned,
      references: references.split('\n').length - 1,
      lackeySha256: createHash('sha256').update(references).digest('hex'),
      runs: compareByCachegrind(folder, [program]),
    };
  });
  const golden = { by: 'node scripts/referee-cachegrind.mjs --update', lineBytes: LINE_BYTES };
  writeFileSync(GOLDEN, `${JSON.stringify({ ...golden, variants }, null, 2)}\n`);
  run(localProgram('biome'), ['format', '--write', GOLDEN]);
}

/** @param {string} folder @param {readonly string[]} program */
function compareProgram(folder, program) {
  const references = path.join(folder, 'references.txt');
  writeFileSync(references, listReferences(folder, program));
  const runs = compareByCachegrind(folder, program);
  writeFileSync(path.join(folder, 'runs.json'), JSON.stringify({ lineBytes: LINE_BYTES, runs }));
  const file = 'src/analysis/cache/cachegrind.test.ts';
  return runCode(
    localProgram('vitest'),
    ['run', '--project', 'unit', file, '--disable-console-intercept', '--testTimeout', '3600000'],
    { env: { LOADSTORE_REFEREE: folder } },
  );
}

const words = process.argv.slice(2);
const folder = mkdtempSync(path.join(os.tmpdir(), 'referee-'));
try {
  if (words[0] === '--update' && words.length === 1) {
    updateGolden(folder);
  } else if (words[0] === '--' && words.length > 1) {
    process.exitCode = compareProgram(folder, words.slice(1));
  } else {
    console.error('usage: referee-cachegrind.mjs --update | -- PROGRAM [WORD...]');
    process.exitCode = 2;
  }
} finally {
  rmSync(folder, { recursive: true });
}
