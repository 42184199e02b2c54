// SPDX-License-Identifier: Apache-2.0
// What a user is told who mistypes, names the wrong file or has an unusual one.

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import { extraBytes, knownBytes } from './peak-memory.ts';
import { hearCli, type Said } from './program.oracle.ts';
import { renderBytes } from './render/table.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
const PROGRAM = path.join(import.meta.dirname, '..', '..', 'bin', 'loadstore');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function loadstore(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Said> {
  return hearCli(words, {
    LOADSTORE_CACHE: folder,
    LOADSTORE_RUNTIME: path.join(folder, 'run'),
    LOADSTORE_PLUGIN: FAKE,
    ...env,
  });
}

/** A good trace of one chunk. */
function traceBytes(): Uint8Array<ArrayBuffer> {
  return encodeTrace({
    blocks: [{ vaddr: 0x1000n, mode: undefined, lastRep: false, insnLengths: [3] }],
    streams: [
      [
        { type: 'vcpu', vcpu: 0 },
        {
          type: 'block',
          id: 0,
          accesses: [{ insn: 0, store: false, sizeLog2: 3, vaddr: 0x2000n }],
        },
      ],
    ],
  }).bytes;
}

function writeTrace(bytes: Uint8Array = traceBytes()): string {
  const file = path.join(folder, 'a.memtrace');
  writeFileSync(file, bytes);
  return file;
}

describe('limits', () => {
  it.each([
    ['--limit-accesses', '0', 'at least 1'],
    ['--limit-instructions', '0', 'at least 1'],
    ['--limit-bytes', '10', 'at least 1.00 MiB'],
    ['--limit-bytes', '1048575', 'at least 1.00 MiB'],
  ])('%s %s is refused', async (flag, value, message) => {
    const { exitCode, err } = await loadstore([
      ...['record', '--qemu', FAKE, flag, value, '-o', path.join(folder, 'x')],
      ...['--', '-m', '1'],
    ]);
    expect(err).toContain(`loadstore: ${flag} is ${message}`);
    expect(exitCode).toBe(2);
  });

  it('record --help tells the least size', async () => {
    const { out } = await loadstore(['record', '--help']);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('at least 1M');
  });
});

describe('peak memory', () => {
  it('is unknown when it was never read', () => {
    expect([knownBytes(0), knownBytes(4096)]).toEqual([null, 4096]);
    expect([extraBytes(0, 5), extraBytes(5, 0), extraBytes(5, 7), extraBytes(9, 7)]).toEqual([
      null,
      null,
      0,
      2,
    ]);
    expect([renderBytes(null), renderBytes(4096)]).toEqual(['unknown', '4.00 KiB']);
  });
});

describe('doctor', () => {
  it('advises to leave a QEMU out that does not run when there are others', async () => {
    copyFileSync(FAKE, path.join(folder, 'qemu-system-x86_64'));
    const { exitCode, out } = await loadstore(['doctor', '--qemu', '/no/such'], {
      PATH: `${folder}:${path.dirname(process.execPath)}`,
    });
    expect(out).toContain('/no/such: no such file');
    expect(out).toContain('Try: leave --qemu out, or name another (loadstore doctor lists them)');
    expect(exitCode).toBe(1);
  });
});

describe('a trace that lacks what is asked for', () => {
  const RANDOM = randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0.1 });
  const writeLacking = (name: string, why: string): string =>
    writeTrace(encodeTrace(RANDOM, { changeTotals: lacking([name], why) }).bytes);
  const AGAIN =
    'record again with a QEMU that tells it, as "loadstore doctor" lists; "loadstore info FILE" says';

  it.each([
    [['sharing'], 'paddr', '"sharing" needs paddr, which this trace does not have', AGAIN],
    [['footprint'], 'icount', '"footprint" needs icount, which this trace does not have', AGAIN],
    [['heat'], 'icount', '"heat" needs icount, which this trace does not have', AGAIN],
    [['address-spaces'], 'address-space', '"address-spaces" needs address-space, which', AGAIN],
    [
      ['report'],
      'icount',
      'the report over time: the trace has no icount',
      '"loadstore counts" and "loadstore hot", which need none, or record again with a QEMU that ',
    ],
    [
      ['cache', '--use-physical'],
      'paddr',
      '--use-physical: the trace has no paddr',
      'leave --use-physical out, or record again with a QEMU that tells it, as "loadstore doctor"',
    ],
    [
      ['reuse', '--use-physical'],
      'paddr',
      '--use-physical: the trace has no paddr',
      'leave --use-physical out, or record again with a QEMU that tells it, as "loadstore doctor"',
    ],
    [
      ['tlb'],
      'page-attributes',
      'how large pages are: the trace has no page-attributes',
      'choose one size for all with --page-size 4K, or record again with a QEMU that tells it',
    ],
  ])(
    '%j: says what, why and what to do',
    async ([command = '', ...options], name, what, remedy) => {
      const file = writeLacking(name, 'of another make');
      const { exitCode, out, err } = await loadstore([command, file, ...options]);
      const why = name === 'page-attributes' ? 'the recorder did not state it' : 'of another make';
      expect(err).toContain(`loadstore: ${file}: ${what}`);
      expect(err).toContain(`: ${why}\nTry: ${remedy.replace('FILE', file)}`);
      expect({ exitCode, out }).toEqual({ exitCode: 3, out: '' });
    },
  );

  it.each([
    ['icount', ['--from', 'icount:5'], '--from icount:5', 'choose by ordinals: --from N'],
    ['icount', ['--to', 'icount:50'], '--to icount:50', 'choose by ordinals: --to N'],
    ['cpl', ['--cpl', '0'], '--cpl', 'leave --cpl out'],
    ['address-space', ['--address-space', '0x1000'], '--address-space', 'leave --address-space'],
    ['paddr', ['--physical-address', '0+4K'], '--physical-address', 'leave --physical-address out'],
  ])('does not choose by it: %s, %j', async (name, options, what, remedy) => {
    const file = writeLacking(name, 'of another make');
    for (const command of ['counts', 'dump', 'footprint']) {
      const { exitCode, out, err } = await loadstore([command, file, ...options]);
      expect(err).toContain(`: ${what}: the trace has no ${name}: of another make\nTry: ${remedy}`);
      expect({ exitCode, out }).toEqual({ exitCode: 3, out: '' });
    }
    const [flag = '', value = ''] = options;
    const until = [flag === '--to' ? '--until' : flag, value];
    const words = ['export', file, '--to', 'csv', '-o', path.join(folder, 'x.csv'), ...until];
    expect((await loadstore(words)).err).toContain(`the trace has no ${name}: of another make`);
  });

  it('because several threads ran the guest is recorded again with one', async () => {
    const file = writeLacking('cpl', 'with thread=multi it is nobody’s');
    const { err } = await loadstore(['counts', file, '--cpl', '3']);
    expect(err).toContain('Try: leave --cpl out, or record again without thread=multi\n');
  });
});

describe('a value that an option does not take', () => {
  it.each([
    [['cache', '--replace-policy', 'mru'], 'one of those, such as --replace-policy lru'],
    [['cache', '--data-prefetcher', 'x'], 'one of those, such as --data-prefetcher none'],
    [['cache', '--warmup-fraction', '2'], '--warmup-fraction 0.1, for example'],
    [['sharing', '--line-size', '128'], 'Most machines have lines of 64 bytes'],
    [['footprint', '--page-size', '5000'], '--page-size 4096, the nearest of those'],
    [['footprint', '--page-size', '7000'], '--page-size 8192, the nearest of those'],
    [['footprint', '--page-size', '1'], '--page-size 2, the nearest of those'],
    [['footprint', '--page-size', '9G'], '--page-size 1073741824, the nearest of those'],
    [['footprint', '--line-size', '8K'], '--line-size 64, or --page-size 8192'],
    [['tlb', '--page-size', '3000'], 'Give one of those, or none: then pages are as large as'],
    [['footprint', '--page-size', '32'], '--line-size 32, or --page-size 64'],
    [['tlb', '--tlb-l1d-entries', '0'], 'A TLB has one entry for each way at least: 64 in 4 ways'],
    [['tlb', '--walk-cache', '1,2'], '--walk-cache 2,4,32, or other numbers; 0 leaves one out'],
    [['counts', '--from', '5', '--to', '5'], 'a later --to, which is not in the part itself, or'],
    [['counts', '--cpl', '7'], '--cpl 0 for the kernel, --cpl 3 for user code'],
    [['counts', '--cpl', 'user'], '--cpl 0 for the kernel, --cpl 3 for user code'],
    [['counts', '--address', '0x10+0'], 'of one byte at that address: --address 0x10+1'],
    [['counts', '--address', '0x10'], 'begin and end, --address 0x1000-0x2000, or begin and'],
    [['counts', '--address', 'x+4K'], 'write digits 0 to 9 and a to f, with or without 0x'],
    [['counts', '--address', '0x10+x'], 'write bytes; K, M and G behind them are 2^10, 2^20'],
    [['counts', '--vcpu', 'x'], 'write digits; k, M and G behind them are 10^3, 10^6 and 10^9'],
    [['counts', '--address-space', 'x'], 'a number that "loadstore address-spaces FILE" lists, or'],
    [['counts', '--address-space', '999'], 'loadstore address-spaces FILE, for their numbers'],
    [['export', '--to', 'x', '-o', 'x'], 'one of those, such as --to csv; docs/exports.md says'],
    [['events', '--kind', 'x'], 'some of those, with commas: --kind interrupts,'],
    [['dump', '--format', 'x'], 'one of those, such as --format text'],
    [['heat', '--unit', 'x'], 'one of those, such as --unit page'],
    [['query', '--format', 'x'], 'one of those, such as --format csv, or --format parquet -o FILE'],
  ])('%j: what to give instead', async ([command = '', ...options], remedy) => {
    const program = randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0 });
    const file = writeTrace(encodeTrace(program).bytes);
    const { exitCode, err } = await loadstore([command, file, ...options]);
    expect(err).toContain(`\nTry: ${remedy.replace('FILE', command === 'query' ? 'FILE' : file)}`);
    expect(exitCode).toBe(2);
  });

  it('because there is no such file of symbols', async () => {
    const words = ['counts', writeTrace(), '--symbols', path.join(folder, 'none')];
    const { exitCode, err } = await loadstore(words);
    expect(err).toMatch(/none: no such file\nTry: --symbols FILE, with the System.map, vmlinux or/);
    expect(exitCode).toBe(4);
  });
});

describe('query', () => {
  it('leaves what another one left, or is writing', async () => {
    const partial = path.join(folder, 'x.csv.partial');
    writeFileSync(partial, 'of another');
    const words = ['query', writeTrace(), 'select 1', '-o', path.join(folder, 'x.csv')];
    const { exitCode, err } = await loadstore(words);
    expect(err).toContain(`loadstore: ${partial} exists\nTry: replace it with --force`);
    expect(exitCode).toBe(2);
    expect(readFileSync(partial, 'utf8')).toBe('of another');
    expect(await loadstore([...words, '--force'])).toMatchObject({ exitCode: 0 });
    expect(existsSync(partial)).toBe(false);
  });
});

describe('check', () => {
  it('does not repair onto a file that exists', async () => {
    const file = writeTrace();
    const other = path.join(folder, 'other');
    writeFileSync(other, 'mine');
    expect(await loadstore(['check', file, '--repair', other])).toEqual({
      exitCode: 2,
      out: '',
      err: `loadstore: ${other} exists\nTry: name another file: --repair FILE\n`,
    });
  });

  it('without room for what is repaired says what to do, and leaves nothing', () => {
    const out = path.join(folder, 'out');
    const words = [PROGRAM, 'check', writeTrace(), '--repair', out];
    // One block of 512 bytes a file.
    const limited = ['-c', 'ulimit -f 1 && exec "$@"', 'sh', ...words];
    const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
    expect(stderr).toBe(
      `loadstore: cannot write ${out}: file too large\nTry: name an output where there is room: --repair OUT\n`,
    );
    expect(status).toBe(4);
    expect(existsSync(out)).toBe(false);
  });

  it('tells before it reads that the folder to repair into is not there', async () => {
    const out = path.join(folder, 'none', 'out');
    const { exitCode, err } = await loadstore(['check', writeTrace(), '--repair', out]);
    expect(err).toContain(`loadstore: cannot write ${out}: no such folder\nTry: `);
    expect(exitCode).toBe(4);
    expect(existsSync(out)).toBe(false);
  });

  it('advises repair only when a chunk is before the damage', async () => {
    const foreign = path.join(folder, 'README.md');
    writeFileSync(foreign, '# This is a readme, and a long one');
    const one = await loadstore(['check', foreign]);
    expect(one.out).toContain('this is not a trace file');
    expect(one.out).not.toMatch(/repair|before it/i);
    expect(one.exitCode).toBe(3);

    const inHeader = traceBytes();
    inHeader[50] = (inHeader[50] ?? 0) ^ 1;
    const two = await loadstore(['check', writeTrace(inHeader)]);
    expect(two.out).not.toMatch(/repair|before it is|keep/i);
    expect(two.out).toContain('copy it again');

    const cut = await loadstore(['check', writeTrace(traceBytes().slice(0, -2))]);
    expect(cut.out).toContain('Repair the trace to keep what is before it');
    expect(cut.exitCode).toBe(1);
  });

  it.each([
    ['header', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, 30)],
    ['first section', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, 45)],
    ['first bytes', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, 10)],
    ['version', (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(1, 12, 13)],
    ['payload', (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(1, 45, 46)],
  ])('does not advise repair, nor tries it, without a good header: %s', async (_what, damage) => {
    const file = writeTrace(damage(traceBytes()));
    const info = await loadstore(['info', file]);
    expect(info.err).toMatch(/copy it again|record again/);
    expect(info.err).not.toContain('epair');
    expect(info.exitCode).toBe(3);
    const checked = await loadstore(['check', file]);
    expect(checked.out).not.toContain('epair');
    expect(checked.exitCode).toBe(1);
    const repaired = path.join(folder, 'repaired');
    expect(await loadstore(['check', file, '--repair', repaired])).toEqual({
      ...checked,
      err: `loadstore: nothing in it can be kept: ${repaired} was not written\n`,
    });
    expect(existsSync(repaired)).toBe(false);
  });

  it('counts one chunk as one', async () => {
    expect((await loadstore(['check', writeTrace()])).out).toContain(
      'good: 1 access, 1 block execution, 1 instruction in 1 chunk decoded',
    );
  });
});

describe('info', () => {
  it('reads a trace where the folder of running recordings cannot be made', async () => {
    const file = writeTrace();
    const { exitCode, err } = await loadstore(['info', file], { LOADSTORE_RUNTIME: `${FAKE}/run` });
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  });

  it('says whose word "complete" is and what verifies it', async () => {
    const file = writeTrace();
    const { out } = await loadstore(['info', file]);
    expect(out).toMatch(
      /^.*: complete, as its own totals say; recording ended with: the guest's end\n/,
    );
    expect(out).toContain('1 chunk, 1 block of code\n');
    expect(out).toMatch(
      /\nchunks were not decoded; to verify them: loadstore check .*a.memtrace\n$/,
    );
  });
});

describe('messages of the operating system', () => {
  it('are words', async () => {
    expect(await loadstore(['check', 'nosuch.mt'])).toMatchObject({
      exitCode: 4,
      err: 'loadstore: nosuch.mt: no such file\nTry: the name of a file that is there, is no folder and may be read\n',
    });
    expect((await loadstore(['info', folder])).err).toContain(
      `${folder}: is a folder\nTry: the name of a file that is there, `,
    );
    expect((await loadstore(['info', `${FAKE}/x`])).err).toContain(`${FAKE}/x: no such file`);
  });
});

describe('explain without quotes', () => {
  it('hints at them', async () => {
    const { exitCode, err } = await loadstore(['explain', 'mov', 'eax,', '[rdi]']);
    expect(err).toContain("Try: the instruction in quotes: loadstore explain 'mov eax, [rdi]'");
    expect(exitCode).toBe(2);
  });
});

describe('record without "--"', () => {
  it('hints that the arguments of QEMU follow it', async () => {
    const { exitCode, err } = await loadstore(['record', '-m', '1G']);
    expect(err).toContain("unknown option '-m'");
    expect(err).toContain('Try: the arguments of QEMU follow "--": loadstore record [options] -- ');
    expect(exitCode).toBe(2);
    const other = await loadstore(['record', '--loud', '--', '-m', '1G']);
    expect(other.err).not.toContain('Try: ');
  });
});

describe('dump --help', () => {
  it('tells what is counted from 0 and what the marks mean', async () => {
    const { out } = await loadstore(['dump', '--help']);
    const flat = out.replaceAll(/\s+/g, ' ');
    expect(flat).toContain('counted from 0');
    for (const mark of ['aborted', 'device', 'crosses-page', 'physical']) {
      expect(flat).toContain(`${mark}: `);
    }
  });
});
