// SPDX-License-Identifier: Apache-2.0
// Compares the cache model with DynamoRIO's drcachesim on a part of a trace that was exported for it with
// --to drmemtrace-threads: docs/referees.md.
//   node scripts/referee-drcachesim.mjs --launcher drmemtrace_launcher --exported FOLDER --from N --count N FILE

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { chooseCacheAnalysis } from '../dist/analysis/index.js';
import { shapeOfTrace } from '../dist/engine/index.js';
import { AccessFlag, openTrace } from '../dist/format/index.js';

/** @typedef {import('../dist/analysis/index.js').CacheParameters} CacheParameters */
/** @typedef {{ hits: number, misses: number }} Counts */

const { values, positionals } = parseArgs({
  options: {
    launcher: { type: 'string', default: '' },
    exported: { type: 'string', default: '' },
    from: { type: 'string', default: '' },
    count: { type: 'string', default: '' },
  },
  allowPositionals: true,
});
const [file] = positionals;
const [from, to] = [Number(values.from), Number(values.from) + Number(values.count)];
if (file === undefined || values.launcher === '' || values.exported === '' || !(from < to)) {
  console.error(
    'usage: referee-drcachesim.mjs --launcher PROGRAM --exported FOLDER --from N --count N TRACE',
  );
  process.exit(2);
}

const LINE_BYTES = 64;
const LEVELS = {
  l1i: { sizeBytes: 32768, ways: 8 },
  l1d: { sizeBytes: 32768, ways: 8 },
  ll: { sizeBytes: 1048576, ways: 16 },
};

/** @param {CacheParameters['dataPrefetcher']} prefetcher @returns {Record<string, Counts>} */
function runDrcachesim(prefetcher) {
  const sizes = [
    ...['-L1I_size', `${LEVELS.l1i.sizeBytes}`, '-L1I_assoc', `${LEVELS.l1i.ways}`],
    ...['-L1D_size', `${LEVELS.l1d.sizeBytes}`, '-L1D_assoc', `${LEVELS.l1d.ways}`],
    ...['-LL_size', `${LEVELS.ll.sizeBytes}`, '-LL_assoc', `${LEVELS.ll.ways}`],
  ];
  const { stderr, status } = spawnSync(
    values.launcher,
    [
      ...['-indir', values.exported, '-tool', 'cache_simulator', '-cores', '1'],
      ...['-line_size', `${LINE_BYTES}`, '-data_prefetcher', prefetcher, ...sizes],
    ],
    { encoding: 'latin1' },
  );
  if (status !== 0) throw new Error(`drcachesim failed: ${stderr}`);
  /** @type {Record<string, Counts>} */
  const counts = {};
  for (const [, name = '', hits = '', misses = ''] of stderr.matchAll(
    /(L1I|L1D|LL)\d* \(size.*\n\s+Hits:\s+([\d,]+)\n\s+Misses:\s+([\d,]+)/g,
  )) {
    counts[name] = { hits: numberOf(hits), misses: numberOf(misses) };
  }
  return counts;
}

/** @param {string} text */
function numberOf(text) {
  return Number(text.replaceAll(',', ''));
}

/**
 * What the export holds: accesses of devices as those of memory, none of event delivery and of page walks.
 * @param {string} path @param {CacheParameters['dataPrefetcher']} dataPrefetcher
 */
async function simulate(path, dataPrefetcher) {
  const trace = await openTrace(path);
  /** @type {CacheParameters} */
  const parameters = {
    ...{ lineBytes: LINE_BYTES, ...LEVELS, l2: undefined, replacePolicy: 'lru', randomSeed: 0 },
    ...{ writeAllocate: true, dataPrefetcher, usePhysical: false, warmupRefs: 0, classify: false },
  };
  const analysis = chooseCacheAnalysis(parameters);
  const shape = shapeOfTrace(trace);
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  const chunks = trace.chunks
    .filter((one) => one.firstOrdinal < to && one.firstOrdinal + one.accessCount > from)
    .map(({ chunkIndex }) => chunkIndex);
  for await (const slice of trace.slices({ columns: analysis.columns, chunks, runs: true })) {
    const { flags, runs, firstOrdinal: first } = slice;
    if (flags === undefined || runs === undefined) throw new Error('columns are missing');
    for (let i = 0; i < slice.length; i++) {
      const flag = flags[i] ?? 0;
      const isIn = first + i >= from && first + i < to && (flag & AccessFlag.origin) === 0;
      flags[i] = isIn ? flag & ~AccessFlag.device : AccessFlag.device;
    }
    for (let run = 0; run < runs.length; run++) {
      const at = first + (runs.firstAccess[run] ?? 0);
      if (at < from || at >= to) runs.executed[run] = 0;
    }
    analysis.consume(state, slice);
  }
  await trace.close();
  const { levels } = analysis.finish(analysis.harvest?.(state) ?? state, shape);
  return Object.fromEntries(
    levels.map(({ name, accesses, misses }) => [name, { hits: accesses - misses, misses }]),
  );
}

for (const prefetcher of /** @type {const} */ (['none', 'nextline'])) {
  const [theirs, ours] = [runDrcachesim(prefetcher), await simulate(file, prefetcher)];
  console.log(`prefetcher ${prefetcher}`);
  for (const name of ['L1I', 'L1D', 'LL']) {
    const [a, b] = [theirs[name], ours[name]].map((counts) => JSON.stringify(counts));
    console.log(`  ${name}  drcachesim ${a}  loadstore ${b}${a === b ? '' : '  THEY DIFFER'}`);
    if (a !== b) process.exitCode = 1;
  }
}
