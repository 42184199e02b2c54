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
      err: 'loadstore: nosuch.mt: no such file\n',
    });
    expect((await loadstore(['info', folder])).err).toContain(`${folder}: is a folder`);
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
