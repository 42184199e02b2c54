// SPDX-License-Identifier: Apache-2.0
// Exports from the command line: what is written where, and what is refused.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExitCode, UserError } from '../base/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import { claimOutput } from './export-output.ts';
import { hearCli, type Said } from './program.oracle.ts';

const { bytes: TRACE } = encodeTrace(
  randomTrace({ seed: 5, blockCount: 8, executions: 300, streams: 1, oddity: 0.4 }),
);
const HAS_XZ = spawnSync('xz', ['--version']).status === 0;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-export-'));
  writeFileSync(path.join(folder, 'x.memtrace'), TRACE);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => path.join(folder, name);

async function exportTo(
  format: string,
  output: string,
  ...words: readonly string[]
): Promise<Said> {
  const file = at('x.memtrace');
  return hearCli(['export', file, '--to', format, '-o', at(output), ...words], {});
}

describe('the name of an output', () => {
  it('that cannot be had in the end is told like one that cannot be written', async () => {
    const claim = await claimOutput({
      name: at('out'),
      isFolder: true,
      option: '-o OUT',
      force: false,
      inputs: [],
    });
    rmSync(claim.partial, { recursive: true });
    const error: unknown = await claim.publish().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: ExitCode.environment });
    expect(error).toMatchObject({ message: `cannot write ${at('out')}: no such file` });
  });
});

describe('loadstore export', () => {
  it('tells what it wrote', async () => {
    const { exitCode, out } = await exportTo('ramulator2', 'x.ram', '--json');
    expect(exitCode).toBe(0);
    const text = readFileSync(at('x.ram'), 'utf8');
    expect(JSON.parse(out)).toEqual({
      format: 'ramulator2',
      output: at('x.ram'),
      records: text.split('\n').length - 1,
      bytes: text.length,
      lost: {
        aborted: expect.any(Number),
        devices: expect.any(Number),
        unknownPaddr: expect.any(Number),
      },
      covered: null,
    });
    expect(readdirSync(folder).sort()).toEqual(['x.memtrace', 'x.ram']);
  });

  it('says in words what was left out', async () => {
    const { out } = await exportTo('lackey', 'x.lackey');
    expect(out).toMatch(/x\.lackey: lackey, [\d,]+ records, .* [KM]iB\n/);
    expect(out).toMatch(/left out:\n +\d+ {2}accesses of instructions that did not complete\n/);
  });

  it('says which part whole block executions make of the one that was asked for', async () => {
    const words = ['--from', '100', '--until', '200'];
    const { out } = await exportTo('lackey', 'x.lackey', ...words, '--json');
    const { covered } = JSON.parse(out) as { covered: { from: number; until: number }[] };
    const said = covered.map(
      ({ from, until }) =>
        `whole block executions: accesses ${from} up to, not including, ${until}\n`,
    );
    expect(said).toHaveLength(1);
    expect(covered[0]?.from).toBeGreaterThanOrEqual(100);
    expect(covered[0]?.until).toBeGreaterThanOrEqual(200);
    expect((await exportTo('lackey', 'y.lackey', ...words)).out).toContain(said.join(''));
  });

  it('compresses by name, and a folder’s files', async () => {
    await exportTo('din', 'x.din');
    await exportTo('din', 'x.din.gz');
    expect(gunzipSync(readFileSync(at('x.din.gz')))).toEqual(readFileSync(at('x.din')));
    await exportTo('drmemtrace', 'x.dr');
    const files = readdirSync(at('x.dr'));
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      expect(gunzipSync(readFileSync(at(`x.dr/${file}`))).length % 12).toBe(0);
    }
  });

  it.skipIf(!HAS_XZ)('compresses by the program xz', async () => {
    await exportTo('din', 'x.din');
    await exportTo('din', 'x.din.xz');
    expect(execFileSync('xz', ['--decompress', '--stdout', at('x.din.xz')])).toEqual(
      readFileSync(at('x.din')),
    );
  });

  it('says so when there is no xz', async () => {
    vi.stubEnv('PATH', folder);
    const { exitCode, err } = await exportTo('din', 'x.din.xz');
    vi.unstubAllEnvs();
    expect(exitCode).toBe(4);
    expect(err).toMatch(/xz does not start: no such file/);
    expect(readdirSync(folder)).toEqual(['x.memtrace']);
  });

  it('replaces only with --force, and only what an export can have made', async () => {
    writeFileSync(at('x.din'), 'precious');
    const refused = await exportTo('din', 'x.din');
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining('--force') });
    expect(readFileSync(at('x.din'), 'utf8')).toBe('precious');
    expect((await exportTo('din', 'x.din', '--force')).exitCode).toBe(0);
    expect(readFileSync(at('x.din'), 'utf8')).toMatch(/^[012] /);

    expect((await exportTo('drmemtrace', 'x.dr')).exitCode).toBe(0);
    expect((await exportTo('drmemtrace', 'x.dr')).exitCode).toBe(2);
    expect((await exportTo('drmemtrace', 'x.dr', '--force')).exitCode).toBe(0);
    writeFileSync(at('x.dr/thesis.tex'), 'precious');
    const foreign = await exportTo('drmemtrace', 'x.dr', '--force');
    expect(foreign).toMatchObject({ exitCode: 2, err: expect.stringContaining('thesis.tex') });
    expect(existsSync(at('x.dr/thesis.tex'))).toBe(true);

    mkdirSync(at('folder'));
    expect(await exportTo('din', 'folder', '--force')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('not a regular file'),
    });
  });

  it('refuses a format that there is not, with those that there are', async () => {
    const { exitCode, err } = await exportTo('pcap', 'x');
    expect(exitCode).toBe(2);
    expect(err).toMatch(/--to.*expected drmemtrace, .*champsim, .*ndjson.*found pcap/);
  });

  it('refuses a selection with nothing in it, and leaves nothing', async () => {
    const { exitCode, err } = await exportTo('gem5', 'x.gem5', '--from', '1G');
    expect(exitCode).toBe(2);
    expect(err).toMatch(
      /--from is behind the last access \(expected at most [\d,]+, found 1,000,000,000\)/,
    );
    const chosen = await exportTo('csv', 'x.csv', '--until', '9', '--address', '0x3+1');
    expect(chosen.exitCode).toBe(2);
    expect(chosen.err).toMatch(/nothing to export \(found none with --until 9 --address 0x3\+1/);
    expect(readdirSync(folder)).toEqual(['x.memtrace']);
  });

  it('exports the part that is asked for', async () => {
    await exportTo('csv', 'x.csv', '--from', '10', '--count', '5');
    const rows = readFileSync(at('x.csv'), 'utf8').trimEnd().split('\n').slice(1);
    for (const row of rows) expect(Number(row.split(',')[0])).toBeGreaterThanOrEqual(10);
    for (const row of rows) expect(Number(row.split(',')[0])).toBeLessThan(15);
    expect(rows.length).toBeGreaterThan(2);
  });

  it.each(['--address', '--physical-address'])(
    'refuses %s for whole instructions',
    async (flag) => {
      const { exitCode, err } = await exportTo('lackey', 'x.lackey', flag, '0x1000+4K');
      expect(err).toContain('a selection by address leaves accesses out of the middle');
      expect(exitCode).toBe(2);
      expect(readdirSync(folder)).toEqual(['x.memtrace']);
    },
  );

  it('refuses a trace without what the format needs', async () => {
    const text = Buffer.from(TRACE).toString('latin1');
    expect(text).toContain('"paddr":{"status":"yes"}');
    const { exitCode, err } = await withoutPaddr();
    expect(exitCode).toBe(3);
    expect(err).toMatch(/dramsim3 needs paddr, which this trace does not have: no page tables/);
    expect(err).toMatch(/Try: /);
    expect(readdirSync(folder)).toEqual(['x.memtrace']);
  });

  it('leaves nothing when the output cannot be written', async () => {
    expect(await exportTo('din', 'nowhere/x.din')).toMatchObject({ exitCode: 4 });
    mkdirSync(at('x.din.partial'));
    const { exitCode, err } = await exportTo('din', 'x.din', '--force');
    expect(exitCode).toBe(2);
    expect(err).toContain('x.din.partial');
    expect(existsSync(at('x.din'))).toBe(false);
  });

  it.each([
    ['din', 'x.din'],
    ['drmemtrace', 'folder'],
  ])('leaves what another one left, or is writing: %s', async (format, output) => {
    const partial = at(`${output}.partial`);
    if (format === 'din') writeFileSync(partial, 'of another');
    else mkdirSync(partial);
    const { exitCode, err } = await exportTo(format, output);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/\.partial exists\nTry: replace it with --force, or name another: -o OUT/);
    expect(existsSync(partial)).toBe(true);
    expect(await exportTo(format, output, '--force')).toMatchObject({ exitCode: 0 });
    expect(existsSync(partial)).toBe(false);
  });

  it('leaves nothing of a damaged trace', async () => {
    const damaged = Uint8Array.from(TRACE);
    const middle = Math.floor(damaged.length / 2);
    damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
    writeFileSync(at('x.memtrace'), damaged);
    const { exitCode } = await exportTo('csv', 'x.csv.gz');
    expect(exitCode).toBe(3);
    expect(readdirSync(folder)).toEqual(['x.memtrace']);
  });
});

/** A trace whose totals say that it has no physical addresses. */
async function withoutPaddr(): ReturnType<typeof exportTo> {
  const { bytes } = encodeTrace(
    randomTrace({ seed: 5, blockCount: 8, executions: 300, streams: 1, oddity: 0.1 }),
    { changeTotals: lacking(['paddr'], 'no page tables') },
  );
  writeFileSync(at('x.memtrace'), bytes);
  return exportTo('dramsim3', 'x.dramsim3');
}
