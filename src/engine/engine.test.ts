// SPDX-License-Identifier: Apache-2.0
// However many threads and shards there are, the figures are those of one. Worker threads run what was built.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseCacheAnalysis, countsAnalysis, hotAnalysis } from '../analysis/index.ts';
import { TraceError } from '../base/index.ts';
import { openTrace, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { analyse } from './analyse.node.ts';
import { loadAnalysis } from './load-analysis.node.ts';
import type { AnyRequest, PassOptions } from './pass.ts';

const workerUrl = new URL('../../dist/engine/analysis.worker.node.js', import.meta.url);
const HISTORY = new URL('../../test/fakes/line-history.mjs', import.meta.url).href;
const PAGE_NOTES = new URL('../../test/fakes/page-notes.mjs', import.meta.url).href;
interface PageNotes {
  readonly notes: readonly string[];
  readonly accesses: number;
}
const HOT = {
  analysis: hotAnalysis,
  parameters: { lineShift: 6, pageShift: 12, lineLimit: 500, top: 20 },
};
/** Small caches: of lru, which is digested; of another policy, which is parted, or with fetches in one shard. */
const cachesOf = (replacePolicy: 'lru' | 'fifo', fetches = true) => {
  const parameters = {
    ...{ lineBytes: 64, replacePolicy, randomSeed: 1, writeAllocate: true, warmupRefs: 0 },
    l1i: fetches ? { sizeBytes: 1024, ways: 2 } : undefined,
    l1d: { sizeBytes: 1024, ways: 4 },
    l2: { sizeBytes: 2048, ways: 4 },
    ll: { sizeBytes: 4096, ways: 8 },
    dataPrefetcher: 'none',
    usePhysical: false,
    classify: false,
  } as const;
  return { analysis: chooseCacheAnalysis(parameters), parameters };
};
const COUNTS = { analysis: countsAnalysis, parameters: {} };

describe('a pass', { timeout: 60_000 }, () => {
  const { bytes, seen } = encodeTrace(
    randomTrace({ seed: 5, blockCount: 9, executions: 1200, streams: 1, oddity: 0.2 }),
  );
  let folder = '';
  let file = '';
  let trace: Trace;
  let history: (parameters: object) => AnyRequest;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'engine-'));
    file = path.join(folder, 'a.memtrace');
    await writeFile(file, bytes);
    trace = await openTrace(file);
    const analysis = await loadAnalysis(HISTORY);
    history = (parameters) => ({ analysis, parameters, moduleUrl: HISTORY });
  });
  afterAll(async () => {
    await trace.close();
    await rm(folder, { recursive: true });
  });

  it.each([1, 2, 3, 5])('in %i threads comes to the same as in this one', async (workers) => {
    const requests = [
      ...[COUNTS, history({ shards: 8 }), cachesOf('lru')],
      ...[
        history({ shards: 1 }),
        history({ shards: 8, digests: true }),
        HOT,
        cachesOf('fifo'),
        cachesOf('fifo', false),
      ],
    ];
    expect(trace.chunks.length).toBeGreaterThan(8);
    const whole = await analyse(trace, requests);
    expect(await analyse(trace, requests, { workers, workerUrl })).toEqual(whole);
    expect(whole[1]).toEqual(whole[3]);
    expect(whole[1]).toEqual(whole[4]);
    expect(whole[2]).not.toEqual(whole[6]);
    const wanted = seen.accesses.filter(({ aborted }) => !aborted).length;
    expect(whole[0]).toMatchObject({ accesses: wanted, instructions: seen.instructions });
    expect(whole[1]).toMatchObject({ runs: seen.blocks.length });
  });

  it('comes to the same however little may wait', async () => {
    const requests = [history({ shards: 2, digests: true }), history({ shards: 2 })];
    const whole = await analyse(trace, requests);
    for (const [begin, end] of [
      [0, 2],
      [0, 1],
      [1, 2],
    ]) {
      const options = { workers: 3, workerUrl, lookAheadBytes: 1 };
      const found = await analyse(trace, requests.slice(begin, end), options);
      expect(found).toEqual(whole.slice(begin, end));
    }
  });

  it('counts by shape what it counts one by one', async () => {
    const [{ executions, ...counts }] = await analyse(trace, [COUNTS]);
    // Another column makes no difference; a selection that leaves all takes the long way.
    const everything = { ordinals: { begin: 0, end: 1e12 }, icounts: { begin: 0, end: 1e12 } };
    const [long] = await analyse(trace, [COUNTS, history({ shards: 1 })], {
      selection: everything,
    });
    expect({ executions, ...counts }).toEqual(long);
    const kept = seen.accesses.filter(({ aborted }) => !aborted);
    for (const { cpl, loads, stores } of counts.byCpl) {
      const own = kept.filter((one) => one.cpl === (cpl ?? 255));
      expect([loads, stores]).toEqual([
        own.filter(({ store }) => !store).length,
        own.filter(({ store }) => store).length,
      ]);
    }
    for (const { sizeBytes, loads, stores } of counts.bySize) {
      expect(loads + stores).toBe(kept.filter(({ size }) => size === sizeBytes).length);
    }
    expect(counts.device.loads + counts.device.stores).toBe(
      kept.filter(({ device }) => device).length,
    );
    expect(counts.byOrigin.pageWalk.stores + counts.byOrigin.pageWalk.loads).toBe(
      kept.filter(({ origin }) => origin === 2).length,
    );
    for (const { vcpu, blockExecutions, ...kinds } of counts.byVcpu) {
      expect(kinds.loads + kinds.stores).toBe(kept.filter((one) => one.vcpu === vcpu).length);
      expect(blockExecutions).toBe(seen.blocks.filter((one) => one.vcpu === vcpu).length);
    }
  });

  it('counts what is left of block executions that lose accesses', async () => {
    const kept = seen.accesses.filter(({ aborted, phys }) => !aborted && !phys);
    // By address, below the middle one: executions lose some of their accesses.
    const order = kept.map(({ vaddr }) => vaddr).sort((a, b) => (a < b ? -1 : 1));
    const last = order[order.length >> 1] ?? 0n;
    const [lastLo, lastHi] = [Number(last & 0xffff_ffffn), Number(last >> 32n)];
    const selection = { addresses: { beginLo: 0, beginHi: 0, lastLo, lastHi } };
    const wanted = kept.filter(({ vaddr }) => vaddr <= last);
    for (const options of [{}, { workers: 2, workerUrl }]) {
      const [counts] = await analyse(trace, [COUNTS], { selection, ...options });
      expect([counts.accesses, counts.stores]).toEqual([
        wanted.length,
        wanted.filter(({ store }) => store).length,
      ]);
      expect(counts.instructions).toBe(seen.instructions);
    }
  });

  it('of a part of the trace too', async () => {
    const requests = [COUNTS, history({ shards: 4 }), history({ shards: 4, digests: true })];
    for (const selection of [{ vcpu: 1 }, { ordinals: { begin: 100, end: 800 } }, { cpl: 0 }]) {
      const whole = await analyse(trace, requests, { selection });
      expect(await analyse(trace, requests, { selection, workers: 3, workerUrl })).toEqual(whole);
    }
  });

  it('gives mappings and notes of the chunks that a selection passes over to who wants mappings', async () => {
    const pageNotes = await loadAnalysis(PAGE_NOTES);
    const notes = { analysis: pageNotes, parameters: {}, moduleUrl: PAGE_NOTES };
    const [all] = (await analyse(trace, [notes])) as [PageNotes];
    const begin = trace.chunks[5]?.firstOrdinal ?? 0;
    const end = (trace.chunks[7]?.firstOrdinal ?? 0) + 1;
    const selection = { ordinals: { begin, end } };
    const others = [COUNTS, cachesOf('lru'), cachesOf('fifo')];
    const alone = await analyse(trace, others, { selection });
    const [counts] = await analyse(trace, [COUNTS], { selection });
    for (const options of [{}, { workers: 1, workerUrl }, { workers: 3, workerUrl }]) {
      const [found, ...rest] = await analyse(trace, [notes, ...others], { selection, ...options });
      // Nothing comes from behind the last chunk.
      const chunkOf = (note: string): number => Number(note.split(' ')[0]);
      const wanted = all.notes.filter((note) => chunkOf(note) <= 7);
      expect(wanted.some((note) => chunkOf(note) < 4 && note.includes(' cr3 '))).toBe(true);
      expect((found as PageNotes).notes).toEqual(wanted);
      expect((found as PageNotes).accesses).toBe(counts.accesses);
      expect(rest).toEqual(alone);
      expect(wanted.filter((note) => chunkOf(note) < 4).length).toBeGreaterThan(10);
    }
  });

  it('tells how far it is, and stops when told', async () => {
    for (const options of [{}, { workers: 2, workerUrl }]) {
      const digested = history({ shards: 2, digests: true });
      for (const requests of [[COUNTS], [history({ shards: 2 })], [digested]]) {
        const parts: number[] = [];
        await analyse(trace, requests, { ...options, onProgress: (part) => parts.push(part) });
        expect(parts.at(-1)).toBe(1);
        expect(parts).toEqual(parts.toSorted((a, b) => a - b));
        const controller = new AbortController();
        const stopped = analyse(trace, requests, {
          ...options,
          signal: controller.signal,
          onProgress: () => {
            controller.abort(new Error('enough'));
          },
        });
        await expect(stopped).rejects.toThrow('enough');
      }
    }
  });

  it('fails with what an analysis or a chunk failed with', async () => {
    for (const digests of [false, true]) {
      const failing = [history({ shards: 2, failAt: 3, digests })];
      await expect(analyse(trace, failing)).rejects.toThrow(
        'consume() of the analysis "line-history" failed',
      );
      await expect(analyse(trace, failing, { workers: 2, workerUrl })).rejects.toThrow(
        `${digests ? 'digesting.' : ''}consume() of the analysis "line-history" failed`,
      );
    }
    const damaged = path.join(folder, 'damaged.memtrace');
    const { fileOffset, payloadBytes } = trace.chunks[4] ?? { fileOffset: 0, payloadBytes: 0 };
    const changed = bytes.slice();
    changed.set(
      [(changed[fileOffset + 24 + (payloadBytes >> 1)] ?? 0) ^ 0xff],
      fileOffset + 24 + (payloadBytes >> 1),
    );
    await writeFile(damaged, changed);
    const other = await openTrace(damaged);
    const run = async (options: PassOptions): Promise<unknown> => {
      return analyse(other, [COUNTS], options).catch((error: unknown) => error);
    };
    for (const options of [{}, { workers: 2, workerUrl }]) {
      const failure = await run(options);
      expect(failure).toBeInstanceOf(TraceError);
      expect(failure).toMatchObject({ kind: 'checksum' });
    }
    await other.close();
  });

  it('fails with what this thread failed with while others work', async () => {
    const failing: typeof countsAnalysis = {
      ...countsAnalysis,
      consume: () => {
        throw new RangeError('not in this thread');
      },
    };
    const requests = [{ analysis: failing, parameters: {} }];
    const run = analyse(trace, requests, { workers: 2, workerUrl });
    await expect(run).rejects.toThrow(new RangeError('not in this thread'));
  });

  it('leaves all to others where this thread is to be free', async () => {
    const idle: typeof countsAnalysis = {
      ...countsAnalysis,
      consume: () => {
        throw new RangeError('not in this thread');
      },
    };
    const requests = [{ analysis: idle, parameters: {} }];
    const options = { workers: 2, workerUrl, keepsFree: true };
    expect(await analyse(trace, requests, options)).toEqual(await analyse(trace, [COUNTS]));
  });

  it('has threads that were started before it, which keep no process from ending', async () => {
    const built = new URL('../../dist/', import.meta.url);
    const program = `
      const { analyse, prepareThreads } = await import('${new URL('engine/index.js', built).href}');
      const { countsAnalysis } = await import('${new URL('analysis/index.js', built).href}');
      const { openTrace } = await import('${new URL('format/index.js', built).href}');
      let started = 0;
      process.on('worker', () => started++);
      prepareThreads(4);
      const trace = await openTrace(process.argv[2]);
      const prepared = started;
      const requests = [{ analysis: countsAnalysis, parameters: {} }];
      const [{ accesses }] = await analyse(trace, requests, { workers: 3 });
      await trace.close();
      console.log(JSON.stringify({ prepared, started, accesses }));
    `;
    const script = path.join(folder, 'prepares.mjs');
    await writeFile(script, program);
    const run = promisify(execFile)(process.execPath, [script, file], { timeout: 30_000 });
    const { stdout } = await run;
    const [whole] = await analyse(trace, [COUNTS]);
    expect(JSON.parse(stdout)).toEqual({ prepared: 3, started: 3, accesses: whole.accesses });
  });

  it('refuses a selection that leaves nothing, and says what there is', async () => {
    const selection = { ordinals: { begin: 10_000_000, end: 20_000_000 } };
    for (const options of [{}, { workers: 2, workerUrl }]) {
      await expect(analyse(trace, [COUNTS], { selection, ...options })).rejects.toThrow(
        'the selection leaves no access',
      );
    }
  });

  it('refuses an analysis of what the trace does not have', async () => {
    const blind = { ...countsAnalysis, requires: ['values'] as const };
    await expect(analyse(trace, [{ analysis: blind, parameters: {} }])).rejects.toThrow(
      '"counts" needs values, which this trace does not have',
    );
  });
});
