// SPDX-License-Identifier: Apache-2.0
// The report from outside, on small traces: its figures, the audit, Ctrl-C at each place, programs by their code.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { RefBlock, RefItem } from '../format/reference-trace.oracle.ts';
import type { TraceReport } from '../query/index.ts';
import { reportWith } from '../report/report.oracle.ts';
import { hearCli, type Said } from './program.oracle.ts';
import { renderReport } from './render/report.ts';
import type { AuditCommandResult } from './results.ts';

const LONG_KERNEL = (1 << 15) | (1 << 14);
const LONG_USER = LONG_KERNEL | 3;
const random = encodeTrace(
  randomTrace({ seed: 5, blockCount: 9, executions: 600, streams: 1, oddity: 0.2 }),
);
let folder = '';
const at = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-report-'));
  writeFileSync(at('random.memtrace'), random.bytes);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function loadstore(...words: string[]): Promise<Said> {
  return hearCli(words, { LOADSTORE_CACHE: folder });
}

async function reportOf(name: string, ...words: string[]): Promise<TraceReport> {
  const { exitCode, out, err } = await loadstore('report', at(name), '--json', ...JOBS, ...words);
  if (exitCode !== 0) throw new Error(err);
  const report: TraceReport = JSON.parse(out);
  return report;
}

const JOBS = ['--jobs', '1'];

/** push rbp; mov rcx, [rdi+8]; ret: what they access, and with `wrongBytes` a load of less. */
const AUDITED: RefBlock = {
  ...{ vaddr: 0xffff_ffff_8100_0000n, mode: LONG_KERNEL, lastRep: false, insnLengths: [1, 4, 1] },
  code: Uint8Array.from([0x55, 0x48, 0x8b, 0x4f, 0x08, 0xc3]),
};

function execution(loadSizeLog2: number): RefItem {
  const access = (insn: number, store: boolean, sizeLog2: number, vaddr: bigint) => ({
    ...{ insn, store, sizeLog2, vaddr },
  });
  return {
    ...{ type: 'block', id: 0 },
    accesses: [
      access(0, true, 3, 0xffff_8880_0000_7ff8n),
      access(1, false, loadSizeLog2, 0xffff_8880_0000_5008n),
      access(2, false, 3, 0xffff_8880_0000_7ff8n),
    ],
  };
}

describe('loadstore report', () => {
  it('has the figures of the trace, on one screen', async () => {
    const { result } = await reportOf('random.memtrace');
    const kept = random.seen.accesses.filter(({ aborted }) => !aborted);
    const stores = kept.filter(({ store }) => store).length;
    expect(result.counts).toMatchObject({ accesses: kept.length, stores });
    expect(result.hot.loads + result.hot.stores).toBe(kept.length);
    const { out, err } = await loadstore('report', at('random.memtrace'), ...JOBS);
    expect(err).toBe('');
    expect(out.split('\n').length).toBeLessThan(45);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(
      `: ${kept.length.toLocaleString('en')} accesses (`,
    );
    const text = out.slice(0, out.indexOf('QEMU')).replaceAll(/\s+/g, ' ');
    expect(text).toContain(`of ${random.seen.instructions.toLocaleString('en')} instructions`);
    expect(out).not.toContain('instruction audit:');
  });

  it.each([
    ['long', 'a_name_as_long_as_those_of_templates_'.repeat(6)],
    ['many', 'words of a sentence '.repeat(40)],
    ['short', 'f'],
  ])('fits on a screen whatever there is to say: %s', (_what, text) => {
    const { result, ...report } = reportWith(text);
    const { hot, facts, heat } = result;
    const five = <T>(top: readonly T[]): T[] => Array.from({ length: 5 }, () => top).flat();
    const [row] = result.addressSpaces?.rows ?? [];
    const vcpus = Array.from({ length: 40 }, (_, vcpu) => ({ vcpu, accesses: [500, vcpu] }));
    const everyCpl = { loads: [1, 2, 3, 4, 5], stores: [5, 4, 3, 2, 1] };
    const doubts = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${text}${i}`, 9]));
    const drawn = renderReport(
      {
        ...report,
        parameters: { ...report.parameters, windowVcpus: vcpus.map(({ vcpu }) => vcpu) },
        result: {
          ...result,
          facts: { ...facts, deliberateFault: text, doubts },
          rate: {
            ...result.rate,
            windows: result.rate.windows.map((window) => ({ ...window, ...everyCpl })),
            vcpus,
          },
          heat: { ...heat, rows: five(heat.rows).map((one, i) => ({ ...one, region: text + i })) },
          hot: {
            ...hot,
            functions: { count: 5000, top: five(hot.functions.top) },
            pages: { ...hot.pages, count: 5000, top: five(hot.pages.top) },
            instructions: { count: 5000, top: five(hot.instructions.top) },
          },
          addressSpaces: {
            isolated: true,
            rows: row === undefined ? [] : Array.from({ length: 4000 }, () => row),
          },
        },
      },
      '/a/folder/of/this/machine/bin/loadstore',
    );
    const lines = drawn.split('\n');
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.length - 1).toBeLessThanOrEqual(45);
    // Each table is there, and what stands at the end.
    for (const title of ['functions', 'pages', 'instructions']) {
      expect(drawn).toMatch(new RegExp(`\\n\\n5 ${title} of 5.00 k .*\\n +100 %  `));
    }
    expect(lines.at(-2)).toMatch(/^ {2}.*loadstore info .* says why$/);
    expect(drawn).toContain(`40 vCPUs`);
    expect(drawn).toContain('  and 36 more vCPUs\n');
    expect(drawn).toContain('  CPL 3\n');
    expect(drawn.replaceAll(/\s+/g, ' ')).toMatch(
      / or in part: events, values, dma, .*, and 24 more /,
    );
    // What is cut is seen to be.
    expect(drawn.includes('…')).toBe(text.length > 1);
  });

  it('shows accesses of each privilege over time, on one scale', () => {
    const { result, ...report } = reportWith('f');
    const windows = [
      { begin: 0, loads: [90, 0, 0, 0, 0], stores: [0, 0, 0, 0, 0] },
      { begin: 100, loads: [0, 0, 0, 1, 0], stores: [0, 0, 0, 9, 0] },
    ];
    const rate = { ...result.rate, windows };
    const drawn = renderReport({ ...report, result: { ...result, rate } }, 'loadstore');
    expect(drawn).toContain('  @.\n  @   CPL 0\n   .  CPL 3\n');
  });

  it('audits instructions when asked, with what "audit" says', async () => {
    const items = [...Array.from({ length: 9 }, () => execution(3)), execution(2)];
    const { bytes } = encodeTrace({ blocks: [AUDITED], streams: [items] });
    writeFileSync(at('wrong.memtrace'), bytes);
    const audit = await loadstore('audit', at('wrong.memtrace'), '--json');
    const {
      file: _file,
      wallSeconds: _wall,
      ...wanted
    }: AuditCommandResult = JSON.parse(audit.out);
    expect(wanted.unexplained).toBeGreaterThan(0);
    const report = await reportOf('wrong.memtrace', '--audit');
    expect(report.result.instructionAudit).toEqual(wanted);
    const { out, exitCode } = await loadstore('report', at('wrong.memtrace'), '--audit', ...JOBS);
    // What was found is a figure of the report, which was made.
    expect(exitCode).toBe(0);
    expect(out).toContain(
      `instruction audit: ${wanted.unexplained} unexplained, 0 wrong addresses, of 30 accesses\n`,
    );
    const whole = encodeTrace({ blocks: [AUDITED], streams: [items.slice(0, 9)] });
    writeFileSync(at('right.memtrace'), whole.bytes);
    const right = await loadstore('report', at('right.memtrace'), '--audit', ...JOBS);
    expect(right.out).toContain('instruction audit: 0 unexplained, 0 wrong addresses, of 27 acc');
    expect((await reportOf('right.memtrace')).result.instructionAudit).toBeNull();
  });

  it.each([
    ['the audit', 1, ['--audit']],
    ['the whole', 1, []],
    ['the pass', 2, []],
    ['the pass behind an audit', 3, ['--audit']],
  ])('stops at Ctrl-C during %s, and writes nothing', async (_what, nth, words) => {
    let seen = 0;
    const listen = process.on.bind(process);
    vi.spyOn(process, 'on').mockImplementation((event, handler) => {
      if (event === 'SIGINT' && ++seen === nth) setImmediate(() => process.emit('SIGINT'));
      return listen(event, handler);
    });
    const page = at('page.html');
    const command = ['report', at('random.memtrace'), '--html', page, ...JOBS, ...words];
    expect(await loadstore(...command)).toEqual({
      ...{ exitCode: 130, out: '', err: 'loadstore: interrupted\n' },
    });
    expect(seen).toBeGreaterThanOrEqual(nth);
    expect([existsSync(page), existsSync(`${page}.partial`)]).toEqual([false, false]);
    expect(process.listenerCount('SIGINT')).toBe(0);
  });

  it('does not work for a page that it may not write', async () => {
    writeFileSync(at('mine.html'), 'mine');
    const words = ['report', at('random.memtrace'), '--html', at('mine.html'), ...JOBS];
    const { exitCode, err, out } = await loadstore(...words);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain('mine.html exists');
  });

  it('says of several vCPUs whose time it is, and shows each in its own', async () => {
    const { bytes, seen } = encodeTrace(
      randomTrace({ seed: 6, blockCount: 9, executions: 400, streams: 2, oddity: 0.5 }),
    );
    writeFileSync(at('several.memtrace'), bytes);
    const kept = seen.accesses.filter(({ aborted }) => !aborted);
    const numbers = [...new Set(seen.blocks.map(({ vcpu }) => vcpu))].sort((a, b) => a - b);
    expect(numbers).toEqual([0, 1, 2]);
    const { parameters, result } = await reportOf('several.memtrace');
    expect(parameters.windowVcpus).toEqual(numbers);
    const wanted = numbers.map((vcpu) => {
      const accesses = result.rate.windows.map(() => 0);
      for (const one of kept.filter((access) => access.vcpu === vcpu)) {
        const window = Math.floor(Number(one.icount) / parameters.windowInstructions);
        accesses[window] = (accesses[window] ?? 0) + 1;
      }
      return { vcpu, accesses };
    });
    expect(result.rate.vcpus).toEqual(wanted);
    const note = 'a window adds up what 3 vCPUs did in theirs, which was not at one time';
    const text = await loadstore('report', at('several.memtrace'), ...JOBS);
    expect(text.out.replaceAll(/\s+/g, ' ')).toContain(note);
    expect(text.out).toMatch(/ {2}vCPU 0\n.* {2}vCPU 1\n.* {2}vCPU 2\n/);
    for (const command of ['footprint', 'heat']) {
      const words = [command, at('several.memtrace'), ...JOBS];
      expect((await loadstore(...words)).out).toContain(`${note}; --vcpu N chooses one\n`);
      expect((await loadstore(...words, '--vcpu', '1')).out).not.toContain('at one time');
      const { out } = await loadstore(...words, '--json');
      expect(JSON.parse(out)).toMatchObject({ parameters: { windowVcpus: numbers } });
    }
    expect((await loadstore('report', at('right.memtrace'), ...JOBS)).out).not.toContain('vCPU');
  });

  it('refuses symbols of another kernel', async () => {
    const calls = Array.from({ length: 64 }, (_, i): RefBlock => {
      const code = new Uint8Array(5);
      code[0] = 0xe8;
      new DataView(code.buffer).setInt32(1, 0x1000 + 48 * i, true);
      const vaddr = 0xffff_ffff_8100_0000n + BigInt(8 * i);
      return { vaddr, mode: LONG_KERNEL, lastRep: false, insnLengths: [5], code };
    });
    const items = calls.map(
      (_, id): RefItem => ({ ...execution(3), type: 'block', id, accesses: [] }),
    );
    const { bytes } = encodeTrace({
      blocks: [AUDITED, ...calls],
      streams: [[execution(3), ...items]],
    });
    writeFileSync(at('calls.memtrace'), bytes);
    const list = (offset: number): string =>
      ['ffffffff81000000 T start_kernel']
        .concat(
          calls.map(({ vaddr }, i) => {
            const target = vaddr + 5n + BigInt(0x1000 + 48 * i + offset);
            return `${target.toString(16)} T f${i}`;
          }),
        )
        .join('\n');
    writeFileSync(at('System.map'), list(0));
    writeFileSync(at('other.map'), list(4));
    const words = ['report', at('calls.memtrace'), ...JOBS, '--symbols'];
    const right = await loadstore(...words, at('System.map'));
    expect(right).toMatchObject({ exitCode: 0, err: expect.stringContaining('are functions\n') });
    const wrong = await loadstore(...words, at('other.map'));
    expect(wrong).toMatchObject({ exitCode: 2, out: '' });
    expect(wrong.err).toContain(`${at('other.map')}: symbols do not match the kernel in the trace`);
    expect(wrong.err).toContain('Try: System.map, vmlinux or /proc/kallsyms of the very kernel');
  });
});

describe('address spaces of a report', () => {
  const content = Uint8Array.from({ length: 0x400 }, (_, i) => (i * 7 + (i >> 5) * 13) & 255);
  const TEXT = 0x40_1000n;

  /** A program of one segment: ELF header, one program header, its code. */
  function makeProgram(): Uint8Array {
    const file = new Uint8Array(0x1000 + content.length);
    const view = new DataView(file.buffer);
    file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(16, 2, true);
    view.setUint16(18, 62, true);
    view.setBigUint64(24, TEXT, true);
    view.setBigUint64(32, 64n, true);
    for (const [i, size] of [64, 56, 1, 64].entries()) view.setUint16(52 + 2 * i, size, true);
    view.setUint32(64, 1, true);
    view.setUint32(68, 5, true);
    for (const [i, field] of [0x1000n, TEXT, TEXT, 0x400n, 0x400n, 0x1000n].entries()) {
      view.setBigUint64(72 + 8 * i, field, true);
    }
    file.set(content, 0x1000);
    return file;
  }

  it('are named by the bytes of the code that ran in them, as far as it is the program', async () => {
    const user = (vaddr: bigint, code: Uint8Array): RefBlock => ({
      ...{ vaddr, mode: LONG_USER, lastRep: false, insnLengths: [code.length], code },
    });
    const own = Array.from({ length: 12 }, (_, i) =>
      user(TEXT + BigInt(64 * i), content.slice(64 * i, 64 * i + 14)),
    );
    // At an address of the program, and not its code: the bytes decide.
    const other = user(TEXT + 0x350n, new Uint8Array(14).fill(0xcc));
    const blocks = [AUDITED, ...own, other];
    const run = (id: number): RefItem => ({
      ...{ type: 'block', id },
      accesses: [{ insn: 0, store: false, sizeLog2: 3, vaddr: 0x7fff_0000_1000n }],
    });
    const cr3 = (page: number): RefItem => ({ type: 'cr3', cr3: BigInt(page) << 12n });
    const items = [
      ...[cr3(5), execution(3), cr3(7), ...own.map((_, i) => run(1 + i)), execution(3)],
      ...[cr3(9), run(1), run(13), run(13), cr3(11), run(13)],
    ];
    const { bytes } = encodeTrace({ blocks, streams: [items] });
    writeFileSync(at('user.memtrace'), bytes);
    writeFileSync(at('prog'), makeProgram());
    const { result } = await reportOf('user.memtrace', '--symbols', at('prog'));
    const rows = result.addressSpaces?.rows.map(({ programs, userAccesses }) => ({
      ...{ programs, userAccesses },
    }));
    expect(rows).toEqual([
      { programs: [], userAccesses: 0 },
      { programs: [{ name: 'prog', accesses: 12 }], userAccesses: 12 },
      { programs: [{ name: 'prog', accesses: 1 }], userAccesses: 3 },
      { programs: [], userAccesses: 1 },
    ]);
    const { out } = await loadstore('address-spaces', at('user.memtrace'), '--symbols', at('prog'));
    expect(out).toMatch(/ {2}prog\n/);
    expect(out).toMatch(/ {2}prog 33\.3 %, other user code\n/);
    expect(out).toMatch(/ {2}user code\n/);
    // Without the file nothing is named.
    const unnamed = await reportOf('user.memtrace');
    expect(unnamed.result.addressSpaces?.rows.flatMap(({ programs }) => programs)).toEqual([]);
  });
});
