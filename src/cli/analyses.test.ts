// SPDX-License-Identifier: Apache-2.0
// The analysing commands from outside, on a small trace: figures, selections, refusals, and the analysis that
// docs/analyses.md shows.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatCount } from '../base/index.ts';
import { endRepeating, randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { CountsReport, FootprintReport, HeatReport, HotReport } from './analysis-results.ts';
import { hearCli, type Said } from './program.oracle.ts';
import type { ReuseReport } from './reuse-report.ts';
import type { SharingReport } from './sharing-report.ts';
import type { StridesReport } from './strides-report.ts';

interface AlignmentReport {
  readonly parameters: object;
  readonly result: Readonly<Record<'kernel' | 'user', object>>;
}

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 5, blockCount: 9, executions: 600, streams: 1, oddity: 0.2 }),
);
const completed = seen.accesses.filter(({ aborted }) => !aborted);
/** Those in lines and pages of virtual memory. */
const placed = completed.filter(({ phys }) => !phys);
let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'analyses-'));
  file = path.join(folder, 'a.memtrace');
  writeFileSync(file, bytes);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function loadstore(command: string, ...words: string[]): Promise<Said> {
  return hearCli([command, ...(words.includes('--jobs') ? [] : ['--jobs', '1']), ...words], {
    LOADSTORE_CACHE: folder,
  });
}

/** T: what the command prints as JSON. */
async function figures<T>(command: string, ...words: string[]): Promise<T> {
  const { exitCode, out, err } = await loadstore(command, ...words, '--json');
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  const report: T = JSON.parse(out);
  return report;
}

it('stops measuring at Ctrl-C, and says so', async () => {
  const listen = process.on.bind(process);
  vi.spyOn(process, 'on').mockImplementation((event, handler) => {
    if (event === 'SIGINT') setImmediate(() => process.emit('SIGINT'));
    return listen(event, handler);
  });
  try {
    expect(await hearCli(['bench', 'decode', file, '--runs', '1000000'], {})).toEqual({
      ...{ exitCode: 130, out: '', err: 'loadstore: interrupted\n' },
    });
    expect(process.listenerCount('SIGINT')).toBe(0);
  } finally {
    vi.restoreAllMocks();
  }
});

it('shows how far a dump is: on a terminal it takes that away before what it finds, elsewhere in whole lines', async () => {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 2000));
  try {
    const words = ['dump', file, '--format', 'csv'];
    const [plain, drawn] = [
      await hearCli(words, { LOADSTORE_CACHE: folder }),
      await hearCli(words, { LOADSTORE_CACHE: folder }, 'loadstore', true),
    ];
    expect(plain.err).toMatch(/^(?:loadstore: (?:< )?\d+ % {2}looking for accesses\n)+$/);
    expect(drawn.out).toBe(plain.out);
    expect(drawn.err).toMatch(/\[#+\] 100 % {2}looking for accesses/);
    expect(drawn.err.endsWith('\r\x1b[K')).toBe(true);
  } finally {
    vi.restoreAllMocks();
  }
});

it('writes no rows to a folder that is not there', async () => {
  const out = path.join(folder, 'no', 'a.parquet');
  expect(
    await hearCli(['query', file, 'select 1', '-o', out], { LOADSTORE_CACHE: folder }),
  ).toEqual({
    ...{ exitCode: 4, out: '' },
    err: `loadstore: cannot write in ${path.dirname(out)}: no such folder\nTry: name a file in a folder that you may write: -o FILE\n`,
  });
});

describe('analysing commands', () => {
  it('counts', async () => {
    const { analysis, parameters, result } = await figures<CountsReport>(
      'counts',
      file,
      '--vcpu',
      '0',
    );
    const own = completed.filter(({ vcpu }) => vcpu === 0);
    expect({ analysis, parameters }).toEqual({
      analysis: 'counts',
      parameters: { selection: { vcpu: '0' } },
    });
    expect(result.accesses).toBe(own.length);
    expect(result.stores).toBe(own.filter(({ store }) => store).length);
    const executions = result.byMnemonic.map((one) => one.executions);
    expect(executions.reduce((a, b) => a + b, 0)).toBe(result.instructions);
    const { out } = await loadstore('counts', file);
    expect(out).toMatch(/instructions in 600 block executions/);
  });

  it('counts what is in a trace whatever its executions look like', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { bytes: some, seen: wanted } = encodeTrace(
        randomTrace({ seed, blockCount: 6, executions: 300, streams: 1 + (seed % 2), oddity: 0.3 }),
      );
      const name = path.join(folder, 'some.memtrace');
      writeFileSync(name, some);
      const { result } = await figures<CountsReport>('counts', name);
      const kept = wanted.accesses.filter(({ aborted }) => !aborted);
      const count = (chosen: typeof kept) => {
        const stores = chosen.filter(({ store }) => store).length;
        return { loads: chosen.length - stores, stores };
      };
      expect(result.instructions).toBe(wanted.instructions);
      expect(result.blockExecutions).toBe(wanted.blocks.length);
      expect(result.device).toEqual(count(kept.filter(({ device }) => device)));
      expect(Object.values(result.byOrigin)).toEqual(
        [0, 1, 2].map((origin) => count(kept.filter((one) => one.origin === origin))),
      );
      for (const { sizeBytes, ...found } of result.bySize) {
        expect(found).toEqual(count(kept.filter(({ size }) => size === sizeBytes)));
      }
      for (const { cpl, ...found } of result.byCpl) {
        expect(found).toEqual(count(kept.filter((one) => one.cpl === (cpl ?? 255))));
      }
      for (const { vcpu, blockExecutions, ...found } of result.byVcpu) {
        expect(found).toEqual(count(kept.filter((one) => one.vcpu === vcpu)));
        expect(blockExecutions).toBe(wanted.blocks.filter((one) => one.vcpu === vcpu).length);
      }
      const executions = result.byMnemonic.map((one) => one.executions);
      expect(executions.reduce((a, b) => a + b, 0)).toBe(wanted.instructions);
      expect(result.loads + result.stores).toBe(kept.length);
    }
  });

  it('counts the instructions between two icounts, also where these are inside a block', async () => {
    const program = randomTrace({
      seed: 8,
      blockCount: 9,
      executions: 300,
      streams: 1,
      oddity: 0.2,
    });
    const { bytes: some, seen: wanted } = encodeTrace(endRepeating(program));
    const name = path.join(folder, 'icounts.memtrace');
    writeFileSync(name, some);
    const ends = new Map<number, number>();
    for (const { vcpu, icount, executed } of wanted.blocks) {
      ends.set(vcpu, Number(icount) + executed);
    }
    const all = Math.max(...ends.values());
    for (const [from, to] of [
      [0, 101],
      [101, 102],
      [102, 401],
      [401, all - 1],
      [all - 1, all],
    ] as const) {
      const words = ['--from', `icount:${from}`, '--to', `icount:${to}`];
      const { result } = await figures<CountsReport>('counts', name, ...words);
      const inside = [...ends.values()].map((end) => Math.min(end, to) - Math.min(end, from));
      expect(result.instructions).toBe(inside.reduce((sum, count) => sum + count));
      const executions = result.byMnemonic.map((one) => one.executions);
      expect(executions.every((count) => count > 0)).toBe(true);
      expect(executions.reduce((a, b) => a + b, 0)).toBe(result.instructions);
    }
  });

  it('footprint', async () => {
    const { result } = await figures<FootprintReport>(
      'footprint',
      file,
      '--window',
      '500',
      '--line-size',
      '128',
    );
    const last = Math.max(...seen.blocks.map((one) => Number(one.icount) + one.executed));
    expect(result.windows.length).toBe(Math.ceil(last / 500));
    const lines = new Set(
      placed.flatMap(({ vaddr, size }) => [vaddr >> 7n, (vaddr + BigInt(size) - 1n) >> 7n]),
    );
    expect(result.total.all.lines).toBe(lines.size);
    expect((await loadstore('footprint', file)).out).toContain('in all');
  });

  it('heat has no more rows than asked for, and ends where the trace does', async () => {
    const end = Math.max(...seen.blocks.map((one) => Number(one.icount) + one.executed));
    for (const most of [12, 4, 2, 1]) {
      const { result } = await figures<HeatReport>('heat', file, '--rows', String(most));
      expect(result.rows.length).toBeLessThanOrEqual(most);
      expect(result.loads + result.stores).toBe(placed.length);
      expect(result.end).toBe(end);
      const { out } = await loadstore('heat', file, '--rows', String(most));
      expect(out.split('\n').filter((line) => line.startsWith('0x'))).toHaveLength(
        result.rows.length,
      );
      expect(out).toContain(`from instruction 0 to ${formatCount(end)}\n`);
    }
    const { out: one } = await loadstore('heat', file, '--rows', '1');
    expect(one).toMatch(/ rows of 16\.0 EiB.*100 %  user or physical to fixmap\n/s);
  });

  it('hot, and tables that are cut say how much more there is', async () => {
    const { result } = await figures<HotReport>('hot', file, '--report-top', '3');
    expect(result.loads + result.stores).toBe(completed.length);
    expect(result.pages.count).toBe(new Set(placed.map(({ vaddr }) => vaddr >> 12n)).size);
    expect(result.pages.top).toHaveLength(3);
    const { out } = await loadstore('hot', file, '--report-top', '3');
    expect(out).toContain(` and ${result.pages.count - 3} more pages`);
  });

  it('reuse, exact and sampled', async () => {
    const lines = completed
      .filter(({ device, phys }) => !device && !phys)
      .flatMap(({ vaddr, size }) => {
        const [first, last] = [vaddr >> 7n, (vaddr + BigInt(size) - 1n) >> 7n];
        return first === last ? [first] : [first, last];
      });
    const { parameters, result } = await figures<ReuseReport>('reuse', file, '--line-size', '128');
    expect(parameters).toMatchObject({
      lineBytes: 128,
      distanceThreshold: 100,
      usePhysical: false,
    });
    expect(result.references).toBe(lines.length);
    expect(result.compulsory).toBe(new Set(lines).size);
    const again = result.histogram.reduce(
      (sum: number, { references }: { references: number }) => sum + references,
      0,
    );
    expect(again).toBe(lines.length - result.compulsory);
    const sampled = await figures<ReuseReport>(
      'reuse',
      file,
      '--line-size',
      '128',
      '--sample-lines',
      '100000',
    );
    expect(sampled.result.histogram).toEqual(result.histogram);
    expect(sampled.result.sampling?.rate).toBe(1);
    const { out } = await loadstore('reuse', file);
    expect(out).toContain('most referenced lines');
    expect(out).toContain('LRU cache of');
  });

  it('sharing', async () => {
    const { result } = await figures<SharingReport>('sharing', file, '--report-top', '2');
    expect(result.accesses + result.excluded.device + result.excluded.noAddress).toBe(
      completed.length,
    );
    expect(result.topLines.length).toBeLessThanOrEqual(2);
    expect((await loadstore('sharing', file)).out).toContain('coherence misses of true sharing');
  });

  it('strides', async () => {
    const { result } = await figures<StridesReport>('strides', file, '--report-top', '4');
    expect(result.accesses + result.noAddress).toBe(completed.length);
    const classes: { accesses: number }[] = Object.values(result.byClass);
    expect(classes.reduce((sum, { accesses }) => sum + accesses, 0)).toBe(result.accesses);
    expect(result.instructions).toHaveLength(4);
    expect((await loadstore('strides', file)).out).toContain('once for each vCPU');
  });

  it('run: the analysis that the manual shows', async () => {
    const manual = readFileSync(path.join(import.meta.dirname, '../../docs/analyses.md'), 'utf8');
    const [, snippet = ''] = /```js\n([\s\S]*?)```/.exec(manual) ?? [];
    expect(snippet.split('\n').length).toBeLessThanOrEqual(42);
    const module = path.join(folder, 'alignment.mjs');
    writeFileSync(module, snippet);
    const { parameters, result } = await figures<AlignmentReport>(
      'run',
      module,
      file,
      '--parameters',
      '{"lineBytes":32}',
    );
    expect(parameters).toEqual({ lineBytes: 32, selection: {} });
    const unaligned = completed.filter(({ vaddr, size }) => vaddr % BigInt(size) !== 0n);
    const count = (list: typeof completed, isUser: boolean, shift: bigint) =>
      list.filter(
        ({ cpl, vaddr, size }) =>
          (cpl === 3) === isUser && vaddr >> shift !== (vaddr + BigInt(size) - 1n) >> shift,
      ).length;
    for (const [who, isUser] of [
      ['kernel', false],
      ['user', true],
    ] as const) {
      expect(result[who]).toEqual({
        accesses: completed.filter(({ cpl }) => (cpl === 3) === isUser).length,
        unaligned: unaligned.filter(({ cpl }) => (cpl === 3) === isUser).length,
        crossLine: count(unaligned, isUser, 5n),
        crossPage: count(unaligned, isUser, 12n),
      });
    }
  });

  it('run: names the module whose column there is not', async () => {
    const module = path.join(folder, 'wrong.mjs');
    const nothing = 'init: () => ({}), consume() {}, merge: (a) => a, finish: (a) => a';
    const text = `{ name: 'wrong', order: 'any', columns: ['vaddr', 'vadr'], ${nothing} }`;
    writeFileSync(module, `export const analysis = ${text};\n`);
    const { exitCode, err } = await loadstore('run', module, file);
    expect(err).toContain('wrong.mjs: "columns" of the analysis names what is no column');
    expect(err).toContain('found "vadr"');
    expect(exitCode).toBe(2);
  });

  it('cache: says why there is no L1I', async () => {
    const why = 'a trace does not tell the physical addresses of code';
    expect((await loadstore('cache', file, '--use-physical')).out).toContain(
      `Without L1I: ${why}.`,
    );
    const { out } = await loadstore('cache', file, '--use-physical', '--json');
    expect(JSON.parse(out)).toMatchObject({ result: { notSimulated: [{ name: 'L1I', why }] } });
    expect((await loadstore('cache', file, '--data-only')).out).toContain(
      'Without L1I: --data-only.',
    );
    const both = JSON.parse((await loadstore('cache', file, '--json')).out);
    expect(both).toMatchObject({ result: { notSimulated: [] } });
  });

  it('cache: says that it began empty where that is in the middle', async () => {
    const note = 'The caches began empty, in the middle of the trace: see --warmup-refs.';
    expect((await loadstore('cache', file, '--from', '100')).out).toContain(note);
    expect((await loadstore('cache', file, '--from', 'icount:100')).out).toContain(note);
    expect((await loadstore('cache', file)).out).not.toContain(note);
    expect((await loadstore('cache', file, '--from', 'icount:0')).out).not.toContain(note);
    const warm = await loadstore('cache', file, '--from', '100', '--warmup-refs', '10');
    expect({ exitCode: warm.exitCode, said: warm.out.includes(note) }).toEqual({
      exitCode: 0,
      said: false,
    });
  });

  it.each([['counts'], ['dump'], ['export', '--to', 'csv', '-o', '-']])(
    '%s: begins before the last ordinal or on it, and not behind',
    async (command, ...words) => {
      const last = Math.max(...seen.accesses.map(({ ordinal }) => ordinal));
      const said = async (...more: string[]): Promise<Said> =>
        hearCli([command, file, ...words, ...more], { LOADSTORE_CACHE: folder });
      const behind = await said('--from', `${last + 1}`);
      expect(behind).toMatchObject({ exitCode: 2, out: '' });
      expect(behind.err).toContain(
        `--from is behind the last access (expected at most ${last.toLocaleString('en')}, found `,
      );
      const on = await said('--from', `${last}`);
      expect(on.err).not.toContain('--from is behind');
    },
  );

  it.each([
    [['counts', 'FILE', '--vcpu', '77'], 'the trace has no vCPU 77'],
    [['counts', 'FILE', '--cpl', '4'], '--cpl is no privilege level'],
    [['counts', 'FILE', '--from', '5', '--to', '5'], '--from is not before --to'],
    [
      ['counts', 'FILE', '--from', '1G', '--cpl', '3'],
      '--from is behind the last access (expected at most ',
    ],
    [
      ['counts', 'FILE', '--from', 'icount:1G'],
      '--from is behind the last instruction (expected at most ',
    ],
    [
      ['counts', 'FILE', '--address', '0x3+1', '--from', '5'],
      'found none with --from 5 --address 0x3+1)',
    ],
    [['counts', 'FILE', '--address', '0x10'], '--address is not a range of addresses'],
    [['counts', 'FILE', '--address', '0x10-0x10'], '--address holds no address'],
    [['counts', 'FILE', '--function', 'kfree'], '--function needs symbols'],
    [['counts', 'FILE', '--jobs', '0'], '--jobs is not a possible number of threads'],
    [['counts', 'FILE', '--jobs', '100000'], '--jobs is not a possible number of threads'],
    [['footprint', 'FILE', '--line-size', '48'], '--line-size is not a power of two'],
    [['footprint', 'FILE', '--line-size', '8K'], 'a line is larger than a page'],
    [['footprint', 'FILE', '--window', '0'], '--window is no length (expected at least '],
    [['footprint', 'FILE', '--window', '0'], 'found 0'],
    [['heat', 'FILE', '--unit', 'byte'], '--unit is not known'],
    [['heat', 'FILE', '--rows', '0'], '--rows is out of range'],
    [['reuse', 'FILE', '--line-size', '48'], 'the line size is not possible'],
    [['reuse', 'FILE', '--sample-rate', '2'], 'the sampling rate is out of range'],
    [['reuse', 'FILE', '--sample-rate', 'x'], 'the sampling rate is out of range'],
    [['reuse', 'FILE', '--sample-lines', '1'], 'the number of sampled lines is out of range'],
    [['reuse', 'FILE', '--sample-lines', '99', '--sample-rate', '0.1'], 'exclude each other'],
    [['reuse', 'FILE', '--reuse-distance-threshold', '0'], 'the threshold of distances'],
    [['sharing', 'FILE', '--line-size', '128'], 'the line size is not possible'],
    [['counts', 'FILE', '--vcpu', '77'], 'Try: one of those, or no --vcpu'],
    [['tlb', 'FILE', '--tlb-l1d-entries', '0'], 'Try: A TLB has one entry for each way'],
    [['cache', 'FILE', '--warmup-fraction', '1'], 'Try: --warmup-fraction 0.1, for example'],
    [['cache', 'FILE', '--warmup-refs', '100G'], 'Try: a shorter --warmup-refs'],
    [['run', 'nowhere.mjs', 'FILE'], 'the module does not load'],
    [['run', 'nowhere.mjs', 'FILE'], 'Try: the path of a file that Node.js can import'],
    [['run', 'FAKE', 'FILE', '--parameters', '3'], '--parameters is not a JSON object'],
  ])('%s is refused', async (words, message) => {
    const fake = path.join(import.meta.dirname, '../../test/fakes/line-history.mjs');
    const [command = '', ...rest] = words.map((word) => ({ FILE: file, FAKE: fake })[word] ?? word);
    const { exitCode, err } = await loadstore(command, ...rest);
    expect(err).toContain(message);
    expect(err).toContain('\nTry: ');
    expect(exitCode).toBe(2);
  });
});
