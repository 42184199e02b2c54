// SPDX-License-Identifier: Apache-2.0
// Compares the model of an L1D with QEMU's own cache plugin, contrib/plugins/cache.c: both plugins watch the
// same run of the same guest. docs/referees.md says how to build it and what is compared.
//   node scripts/referee-qemu-cache.mjs --plugin libcache.so [--policy fifo] -- -m 256M -kernel ...

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chooseCacheAnalysis } from '../dist/analysis/index.js';
import { shapeOfTrace } from '../dist/engine/index.js';
import { AccessFlag, openTrace } from '../dist/format/index.js';
import { PROJECT_ROOT, run } from './run-command.mjs';

const { values, positionals } = parseArgs({
  options: { plugin: { type: 'string' }, policy: { type: 'string', default: 'lru' } },
  allowPositionals: true,
});
const { plugin, policy } = values;
if (plugin === undefined || (policy !== 'lru' && policy !== 'fifo') || positionals.length === 0) {
  console.error(
    'usage: referee-qemu-cache.mjs --plugin LIBCACHE.SO [--policy lru|fifo] -- QEMU-ARGUMENTS...',
  );
  process.exit(2);
}

const LINE_BYTES = 64;
const L1D = { sizeBytes: 16384, ways: 8 };

/**
 * "core #, data accesses, data misses, ..." and one line for each core.
 * @param {string} log
 */
function parseCounts(log) {
  const row = /^0\s+(\d+)\s+(\d+)\s/m.exec(readFileSync(log, 'latin1'));
  if (row === null) throw new Error(`the plugin wrote no counts to ${log}`);
  return { accesses: Number(row[1]), misses: Number(row[2]) };
}

/**
 * By the plugin's rules: only the line of the first byte; also what an instruction did that did not complete;
 * nothing that is reconstructed.
 * @param {string} file
 */
async function simulate(file) {
  const trace = await openTrace(file);
  /** @type {import('../dist/analysis/index.js').CacheParameters} */
  const parameters = {
    lineBytes: LINE_BYTES,
    l1i: undefined,
    l1d: L1D,
    l2: undefined,
    ll: undefined,
    replacePolicy: policy === 'fifo' ? 'fifo' : 'lru',
    randomSeed: 0,
    writeAllocate: true,
    dataPrefetcher: 'none',
    usePhysical: true,
    warmupRefs: 0,
    classify: false,
  };
  const analysis = chooseCacheAnalysis(parameters);
  const shape = shapeOfTrace(trace);
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  const columns = /** @type {const} */ (['paddr', 'size', 'flags', 'vcpu', 'block', 'insn']);
  for await (const batch of trace.accesses({ columns, includeAborted: true })) {
    batch.size.fill(1);
    for (let i = 0; i < batch.length; i++) {
      const flags = batch.flags[i] ?? 0;
      const isOurs = (flags & AccessFlag.origin) !== 0;
      batch.flags[i] = isOurs ? AccessFlag.device : flags & ~AccessFlag.aborted;
    }
    analysis.consume(state, batch);
  }
  await trace.close();
  const [level] = analysis.finish(analysis.harvest?.(state) ?? state, shape).levels;
  return { accesses: level?.accesses, misses: level?.misses };
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'referee-'));
try {
  const file = path.join(folder, 'guest.memtrace');
  const log = path.join(folder, 'plugin.log');
  const geometry = `dcachesize=${L1D.sizeBytes},dassoc=${L1D.ways},dblksize=${LINE_BYTES}`;
  run(path.join(PROJECT_ROOT, 'bin', 'loadstore'), [
    ...['record', '--quiet', '--no-events', '-o', file, '--'],
    ...positionals,
    ...['-plugin', `${path.resolve(plugin)},${geometry},evict=${policy}`],
    ...['-d', 'plugin', '-D', log],
  ]);
  const [theirs, ours] = [parseCounts(log), await simulate(file)];
  console.log(`QEMU's plugin: ${JSON.stringify(theirs)}\nloadstore:     ${JSON.stringify(ours)}`);
  if (theirs.accesses !== ours.accesses || theirs.misses !== ours.misses) {
    console.error('They differ.');
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
