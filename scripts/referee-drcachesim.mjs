// SPDX-License-Identifier: Apache-2.0
// Compares the models of caches and TLBs with DynamoRIO's drcachesim on a part of a trace of one vCPU that was
// exported for it with --to drmemtrace-threads: docs/referees.md.
//   node scripts/referee-drcachesim.mjs --launcher drmemtrace_launcher --exported FOLDER --from N --count N FILE

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chooseCacheAnalysis, chooseTlbAnalysis } from '../dist/analysis/index.js';
import { shapeOfTrace } from '../dist/engine/index.js';
import { AccessFlag, openTrace } from '../dist/format/index.js';
import { exportProcesses } from './drmemtrace-processes.mjs';

/** @typedef {import('../dist/analysis/index.js').CacheParameters} CacheParameters */
/** @typedef {import('../dist/analysis/index.js').TlbParameters} TlbParameters */
/** @typedef {import('./drmemtrace-processes.mjs').ProcessChange} ProcessChange */
/** @typedef {{ hits: number, misses: number }} Counts */
/** @typedef {{ fetches: number, cr3: bigint }} SpaceChange A new CR3 after so many fetches. */

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
const trace = await openTrace(file);
const shape = shapeOfTrace(trace);

const LINE_BYTES = 64;
const LEVELS = {
  l1i: { sizeBytes: 32768, ways: 8 },
  l1d: { sizeBytes: 32768, ways: 8 },
  ll: { sizeBytes: 1048576, ways: 16 },
};
/** drcachesim's BIT_PLRU and our tree are one and the same policy in two ways only. */
const TWO_WAYS = {
  l1i: { sizeBytes: 32768, ways: 2 },
  l1d: { sizeBytes: 32768, ways: 2 },
  ll: { sizeBytes: 1048576, ways: 2 },
};

/** @type {(readonly [levels: typeof LEVELS, policy: 'lru' | 'fifo' | 'plru', CacheParameters['dataPrefetcher']])[]} */
const CACHES = [
  [LEVELS, 'lru', 'none'],
  [LEVELS, 'lru', 'nextline'],
  [LEVELS, 'fifo', 'none'],
  [TWO_WAYS, 'plru', 'none'],
];
const POLICY_NAMES = { lru: 'LRU', fifo: 'FIFO', plru: 'BIT_PLRU' };

/** drcachesim's defaults; those of a Skylake. */
const DEFAULT_TLBS = {
  l1i: { entries: 32, ways: 32 },
  l1d: { entries: 32, ways: 32 },
  l2: { entries: 1024, ways: 4 },
};
const OTHER_TLBS = {
  l1i: { entries: 128, ways: 8 },
  l1d: { entries: 64, ways: 4 },
  l2: { entries: 1536, ways: 12 },
};
/** @typedef {'one' | TlbParameters['spaces']} Spaces one: entries are of all address spaces. */
/** @type {readonly Spaces[]} */
const SPACES = ['one', 'tagged', 'flush'];
/** CR3 without PCID and the bit that keeps translations. */
const CR3_BASE = 0x000f_ffff_ffff_f000n;

/** @param {string} exported @param {readonly string[]} options @returns {Record<string, Counts>} */
function runDrcachesim(exported, options) {
  const { stderr, status } = spawnSync(
    values.launcher,
    ['-indir', exported, '-cores', '1', ...options],
    { encoding: 'latin1' },
  );
  if (status !== 0) throw new Error(`drcachesim failed: ${stderr}`);
  /** @type {Record<string, Counts>} */
  const counts = {};
  for (const [, name = '', hits = '', misses = ''] of stderr.matchAll(
    /(L1I|L1D|LL)\d* (?:\(size.*|stats:)\n\s+Hits:\s+([\d,]+)\n\s+Misses:\s+([\d,]+)/g,
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
 * What the export holds, slice by slice: accesses of devices as those of memory, none of event delivery and of page
 * walks. Those outside the part are marked as aborted.
 * @param {import('../dist/format/index.js').SliceOptions} options
 */
async function* slicesOfPart(options) {
  const chunks = trace.chunks
    .filter((one) => one.firstOrdinal < to && one.firstOrdinal + one.accessCount > from)
    .map(({ chunkIndex }) => chunkIndex);
  for await (const slice of trace.slices({ ...options, chunks, runs: true })) {
    const { flags, runs, firstOrdinal: first } = slice;
    if (flags === undefined || runs === undefined) throw new Error('columns are missing');
    // As the export has it: whole block executions whose first access is in the part.
    let i = 0;
    for (let run = 0; run < runs.length; run++) {
      const at = first + (runs.firstAccess[run] ?? 0);
      const isIn = at >= from && at < to;
      const end = run + 1 < runs.length ? (runs.firstAccess[run + 1] ?? 0) : slice.length;
      for (; i < end; i++) {
        const flag = flags[i] ?? 0;
        const isKept = isIn && (flag & AccessFlag.origin) === 0;
        flags[i] = isKept ? flag & ~AccessFlag.device : AccessFlag.aborted;
      }
      if (!isIn) runs.executed[run] = 0;
    }
    yield slice;
  }
}

/** @param {{ readonly name: string, readonly accesses: number, readonly misses: number }[]} levels */
function countsOf(levels) {
  return Object.fromEntries(
    levels.map(({ name, accesses, misses }) => [
      name.replace(' TLB', '').replace('L2', 'LL'),
      { hits: accesses - misses, misses },
    ]),
  );
}

/** @param {CacheParameters} parameters */
async function simulateCaches(parameters) {
  const analysis = chooseCacheAnalysis(parameters);
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  for await (const slice of slicesOfPart({ columns: analysis.columns })) {
    analysis.consume(state, slice);
  }
  return countsOf([...analysis.finish(analysis.harvest?.(state) ?? state, shape).levels]);
}

/** @param {TlbParameters} parameters @param {Spaces} spaces */
async function simulateTlbs(parameters, spaces) {
  const analysis = chooseTlbAnalysis(parameters);
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  const { columns, notes = [] } = analysis;
  const options = { columns, mappings: true, notes: spaces === 'one' ? [] : notes };
  // As a selection does it: what was told before counts.
  const earlier = trace.chunks
    .filter((one) => one.firstOrdinal + one.accessCount <= from)
    .map(({ chunkIndex }) => chunkIndex);
  const told = trace.slices({ ...options, chunks: earlier, runs: true, notesOnly: true });
  for await (const slice of told) analysis.consume(state, slice);
  for await (const slice of slicesOfPart(options)) analysis.consume(state, slice);
  return countsOf([...analysis.finish(state, shape).levels]);
}

/** The CR3 of the part's first chunk, and each new one. */
async function findSpaces() {
  const first = trace.chunks.find((one) => one.firstOrdinal + one.accessCount > from);
  /** @type {SpaceChange[]} */
  const changes = [{ fetches: 0, cr3: first?.vcpuStates[0]?.cr3 ?? 0n }];
  let fetches = 0;
  for await (const { runs, notes = [] } of slicesOfPart({ columns: ['flags'], notes: ['cr3'] })) {
    if (runs === undefined) throw new Error('columns are missing');
    let next = 0;
    for (let run = 0; run <= runs.length; run++) {
      for (; next < notes.length; next++) {
        const note = notes[next];
        if (note === undefined || (note.runIndex > run && run < runs.length)) break;
        if (note.kind === 'cr3') changes.push({ fetches, cr3: note.cr3 });
      }
      const executed = runs.executed[run] ?? 0;
      if (executed > 0) fetches += executed - (runs.continues[run] ?? 0);
    }
  }
  return { changes, fetches };
}

/**
 * A process for each address space; or for each time that one begins to run, since entries that nobody can use any more
 * are those that LRU gives up first.
 * @param {readonly SpaceChange[]} changes @param {Spaces} spaces @returns {ProcessChange[]}
 */
function processesOf(changes, spaces) {
  /** @type {Map<bigint, number>} */
  const known = new Map();
  return changes.map(({ fetches, cr3 }, index) => {
    const space = cr3 & CR3_BASE;
    if (!known.has(space)) known.set(space, known.size + 1);
    return { fetches, process: spaces === 'flush' ? index + 1 : (known.get(space) ?? 0) };
  });
}

/** @param {string} title @param {Record<string, Counts>} theirs @param {Record<string, Counts>} ours */
function compare(title, theirs, ours) {
  console.log(title);
  for (const name of ['L1I', 'L1D', 'LL']) {
    const [a, b] = [theirs[name], ours[name]].map((counts) => JSON.stringify(counts));
    console.log(`  ${name}  drcachesim ${a}  loadstore ${b}${a === b ? '' : '  THEY DIFFER'}`);
    if (a !== b || a === undefined) process.exitCode = 1;
  }
}

for (const [levels, replacePolicy, dataPrefetcher] of CACHES) {
  const { l1i, l1d, ll } = levels;
  const theirs = runDrcachesim(values.exported, [
    ...['-tool', 'cache_simulator', '-line_size', `${LINE_BYTES}`],
    ...['-replace_policy', POLICY_NAMES[replacePolicy], '-data_prefetcher', dataPrefetcher],
    ...['-L1I_size', `${l1i.sizeBytes}`, '-L1I_assoc', `${l1i.ways}`],
    ...['-L1D_size', `${l1d.sizeBytes}`, '-L1D_assoc', `${l1d.ways}`],
    ...['-LL_size', `${ll.sizeBytes}`, '-LL_assoc', `${ll.ways}`],
  ]);
  const ours = await simulateCaches({
    ...{ lineBytes: LINE_BYTES, ...levels, l2: undefined, replacePolicy, randomSeed: 0 },
    ...{ writeAllocate: true, dataPrefetcher, usePhysical: false, warmupRefs: 0, classify: false },
  });
  compare(
    `caches, ${l1d.ways} and ${ll.ways} ways, ${replacePolicy}, prefetcher ${dataPrefetcher}`,
    theirs,
    ours,
  );
}

const { changes, fetches } = await findSpaces();
const within = changes.filter((one) => one.fetches > 0 && one.fetches < fetches);
console.log(`${within.length} new CR3s`);
for (const spaces of SPACES) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'referee-drcachesim-'));
  try {
    const processes = spaces === 'one' ? [] : processesOf(changes, spaces);
    const exported = await exportProcesses(values.exported, folder, processes);
    if (exported !== fetches) {
      console.log(`the export fetches ${exported} instructions, the trace ${fetches}: THEY DIFFER`);
      process.exitCode = 1;
    }
    for (const [{ l1i, l1d, l2 }, pageBytes] of /** @type {const} */ ([
      [DEFAULT_TLBS, 2 ** 12],
      [OTHER_TLBS, 2 ** 12],
      [OTHER_TLBS, 2 ** 21],
    ])) {
      const theirs = runDrcachesim(folder, [
        ...['-tool', 'TLB', '-page_size', `${pageBytes}`, '-TLB_replace_policy', 'LRU'],
        ...['-TLB_L1I_entries', `${l1i.entries}`, '-TLB_L1I_assoc', `${l1i.ways}`],
        ...['-TLB_L1D_entries', `${l1d.entries}`, '-TLB_L1D_assoc', `${l1d.ways}`],
        ...['-TLB_L2_entries', `${l2.entries}`, '-TLB_L2_assoc', `${l2.ways}`],
      ]);
      const ours = await simulateTlbs(
        {
          ...{ l1i, l1d, l2, walkCache: { pml4e: 0, pdpte: 0, pde: 0 }, pageBytes, fetches: true },
          spaces: spaces === 'one' ? 'tagged' : spaces,
        },
        spaces,
      );
      compare(
        `TLBs of ${l1i.entries}, ${l1d.entries} and ${l2.entries} entries, pages of ${pageBytes}, address spaces: ${spaces}`,
        theirs,
        ours,
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
await trace.close();
