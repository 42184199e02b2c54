// SPDX-License-Identifier: Apache-2.0
// Compares exact reuse distances with drcachesim's reuse distance tool on the accesses of a trace: every distance
// and how often it was, the lines, and the lists of top lines.
//
//   node scripts/referee-reuse.mjs --driver PROGRAM --trace FILE [--accesses N]
//
// The program is test/referees/reuse-driver.cpp; docs/referees.md says how it is built.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { finishReuse } from '../dist/analysis/reuse/reuse-analysis.js';
import { harvestReuse } from '../dist/analysis/reuse/reuse-counts.js';
import { consumeReuse, createReuseState } from '../dist/analysis/reuse/reuse-state.js';
import { openTrace } from '../dist/format/index.js';

const LINE_SHIFT = 6n;
const FLAG_DEVICE_OR_ABORTED = 6;
const FLAG_PHYSICAL_ONLY = 32;

const { values } = parseArgs({
  options: {
    driver: { type: 'string' },
    trace: { type: 'string' },
    accesses: { type: 'string', default: '20000000' },
  },
});
if (values.driver === undefined || values.trace === undefined) {
  throw new Error('--driver and --trace are needed');
}

const parameters = {
  ...{ lineBytes: 64, distanceThreshold: 100, usePhysical: false, sampling: undefined },
  reportTop: 10,
};
const folder = await mkdtemp(path.join(os.tmpdir(), 'referee-reuse-'));
try {
  const addresses = path.join(folder, 'addresses');
  const counts = await measureAndWrite(values.trace, Number(values.accesses), addresses);
  const report = await runDriver(values.driver, addresses);
  compare(counts, report);
} finally {
  await rm(folder, { recursive: true });
}

/** @param {string} file @param {number} limit @param {string} addresses */
async function measureAndWrite(file, limit, addresses) {
  const trace = await openTrace(file);
  const state = createReuseState(parameters);
  const out = createWriteStream(addresses);
  let left = limit;
  const batches = trace.accesses({ columns: ['vaddr', 'size', 'flags'], to: limit });
  for await (const batch of batches) {
    consumeReuse(state, batch);
    out.write(Buffer.from(linesOf(batch).buffer));
    if (out.writableNeedDrain) await once(out, 'drain');
    left -= batch.length;
    if (left <= 0) break;
  }
  out.end();
  await once(out, 'finish');
  await trace.close();
  return harvestReuse(state);
}

/**
 * The first byte of each line that an access has a byte in.
 * @param {import('../dist/analysis/index.js').AccessColumns} batch
 */
function linesOf({ length, vaddr, size, flags }) {
  assert(vaddr !== undefined && size !== undefined && flags !== undefined);
  const lines = [];
  for (let i = 0; i < length; i++) {
    const [at = 0n, bytes = 0, flag = 0] = [vaddr[i], size[i], flags[i]];
    if ((flag & (FLAG_DEVICE_OR_ABORTED | FLAG_PHYSICAL_ONLY)) !== 0) continue;
    const last = BigInt.asUintN(64, at + BigInt(bytes) - 1n) >> LINE_SHIFT;
    for (let line = at >> LINE_SHIFT; line <= last; line++) lines.push(line << LINE_SHIFT);
  }
  return BigUint64Array.from(lines);
}

/** @param {string} driver @param {string} addresses */
async function runDriver(driver, addresses) {
  const input = await open(addresses);
  const child = spawn(driver, [String(parameters.distanceThreshold)], {
    stdio: [input.fd, 'ignore', 'pipe'],
  });
  let text = '';
  assert(child.stderr !== null);
  child.stderr.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  await input.close();
  assert.equal(code, 0, `the driver failed: ${text}`);
  return text;
}

/** @param {import('../dist/analysis/reuse/reuse-counts.js').ReuseCounts} counts @param {string} report */
function compare(counts, report) {
  const result = finishReuse(counts);
  const { distances } = result;
  assert(distances !== null);
  /** @param {string} name */
  const number = (name) => Number(new RegExp(`${name}: (\\S+)`).exec(report)?.[1]);
  assert.equal(number('Total accesses'), result.references);
  assert.equal(number('Unique cache lines accessed'), result.compulsory);
  assert.equal(number('Reuse distance mean'), Number(distances.mean.toFixed(2)));
  assert.equal(
    number('Reuse distance standard deviation'),
    Number(distances.standardDeviation.toFixed(2)),
  );
  /** @type {Map<number, number>} */
  const theirs = new Map();
  for (const [, distance, count] of report.matchAll(/^ *(\d+) +(\d+) +[\d.]+% +[\d.]+% *:/gm)) {
    theirs.set(Number(distance), Number(count));
  }
  /** @type {Map<number, number>} */
  const ours = new Map();
  counts.distances.forEach((distance, uses) => ours.set(distance, uses));
  assert.deepEqual(theirs, ours);
  console.log(
    `${result.references} references to ${result.compulsory} lines: ${ours.size} different distances, all counts equal`,
  );
  console.log(`mean ${distances.mean.toFixed(2)}, median ${distances.median}`);
  console.log(`their median: ${number('Reuse distance median')}`);
  const [, frequent = '', distant = ''] = report.split(/^Top \d+ .*$/m);
  compareLines('most referenced', frequent, result.topReferenced);
  compareLines('most distant', distant, result.topDistant);
}

/** @param {string} what @param {string} text @param {readonly import('../dist/analysis/index.js').ReusedLine[]} lines */
function compareLines(what, text, lines) {
  const theirs = [...text.matchAll(/^ *(0x[0-9a-f]+): *(\d+), *(\d+)/gm)].map((match) =>
    match.slice(1).join(' '),
  );
  const ours = lines.map(({ addressLo, addressHi, references, distant }) => {
    const address = (BigInt(addressHi) << 32n) | BigInt(addressLo);
    return `0x${address.toString(16)} ${references} ${distant}`;
  });
  assert.deepEqual(ours, theirs, what);
  console.log(`${what}: ${ours.length} lines with their references and distant ones equal`);
}
