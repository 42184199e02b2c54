// SPDX-License-Identifier: Apache-2.0
// The command line from outside: messages, exit codes, streams. No QEMU runs here but the fake one.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TraceError, UserError } from '../base/index.ts';
import { COMMANDS } from './command-table.ts';
import { hearCli, type Said } from './program.oracle.ts';
import { describeFailure } from './program.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
  vi.stubEnv('LOADSTORE_RUNTIME', path.join(folder, 'run'));
});

afterEach(() => {
  vi.restoreAllMocks();
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

describe('help', () => {
  it.each(COMMANDS.map((spec) => spec.name))('%s --help has its examples', async (name) => {
    const { exitCode, out } = await loadstore([...name.split(' '), '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain(`Usage: loadstore ${name}`);
    expect(out).toMatch(new RegExp(`Examples:\n  loadstore ${name}`));
  });

  it('prints the version', async () => {
    expect(await loadstore(['--version'])).toMatchObject({ exitCode: 0, out: '0.1.0\n' });
  });

  it.each([
    [['--version'], []],
    [['--help'], []],
    [['help', 'hot'], ['hot']],
    [['bench', 'decode', '--help'], ['bench decode']],
  ])('%j loads %j', async (words, names) => {
    const loads = COMMANDS.map((entry) => vi.spyOn(entry, 'load'));
    expect((await loadstore(words)).exitCode).toBe(0);
    const loaded = COMMANDS.filter((_entry, i) => (loads[i]?.mock.calls.length ?? 0) > 0);
    expect(loaded.map(({ name }) => name)).toEqual(names);
    for (const load of loads) load.mockRestore();
  });
});

it.each([
  ['view', '--no-open'],
  ['counts', '--no-idle'],
  ['cache', '--no-write-allocate'],
  ['counts', '--json', '--json'],
])('%s takes %s, which has no value', async (...words) => {
  const [command = '', ...flags] = words;
  const file = path.join(os.tmpdir(), 'there-is-no-such.memtrace');
  const { err } = await loadstore([command, file, ...flags]);
  expect(err).toContain('there-is-no-such.memtrace');
});

describe('a wrong request ends with code 2', () => {
  it.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['info'], "missing required argument 'file'"],
    [['info', 'a', '--loud'], "unknown option '--loud'"],
    [['counts', 'a', '--cpl', '0', '--cpl', '3'], "It is given twice, first as '0'"],
    [['record'], "missing required argument 'qemu-arguments'"],
    [
      ['record', '--limit-accesses', 'many', '--', '-m', '1G'],
      '--limit-accesses is not a whole number',
    ],
    [['record', '--limit-bytes', '1.5', '--', '-m', '1G'], '--limit-bytes is not a whole number'],
    [
      ['dump', 'a', '--format', 'xml'],
      '--format is not known (expected text, ndjson, csv, found xml)',
    ],
  ])('%j', async (words, message) => {
    const { exitCode, out, err } = await loadstore(words);
    expect(err).toContain(message);
    expect(exitCode).toBe(2);
    expect(out).toBe('');
  });

  it.each([
    [['-accel', 'kvm'], 'the accelerator "kvm"'],
    [['-D', 'log'], 'in conflict with recording'],
  ])('record with %j', async (words, message) => {
    const { exitCode, err } = await loadstore(['record', '--qemu', FAKE, '--', ...words]);
    expect(err).toContain(message);
    expect(err).toContain('Try: ');
    expect(exitCode).toBe(2);
  });

  it('record onto an existing file', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, '');
    const { exitCode, err } = await loadstore([
      'record',
      '--qemu',
      FAKE,
      '-o',
      file,
      '--',
      '-m',
      '1',
    ]);
    expect(err).toBe(
      `loadstore: ${file} exists\nTry: replace it with --force, or name another: -o FILE\n`,
    );
    expect(exitCode).toBe(2);
  });
});

describe('a file that is not a good trace', () => {
  it('ends with code 3 and says what to do', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'this is not a trace, whatever its name says');
    const { exitCode, err } = await loadstore(['info', file]);
    expect(exitCode).toBe(3);
    expect(err).toContain(file);
    expect(err).toContain('Try: ');
  });

  it('ends with code 4 when it is not there', async () => {
    const { exitCode, err } = await loadstore(['info', path.join(folder, 'nothing')]);
    expect(exitCode).toBe(4);
    expect(err).toContain('nothing');
  });
});

describe('a machine that lacks something ends with code 4', () => {
  it('no QEMU', async () => {
    const { exitCode, err } = await loadstore(['record', '--', '-m', '1']);
    expect(err).toContain('no qemu-system-x86_64 found\nTry: npm run setup');
    expect(exitCode).toBe(4);
  });

  it('no plugin', async () => {
    const missing = { LOADSTORE_PLUGIN: path.join(folder, 'no.so') };
    const { exitCode, err } = await loadstore(['record', '--qemu', FAKE, '--', '-m', '1'], missing);
    expect(err).toContain('LOADSTORE_PLUGIN names a file that is not there');
    expect(exitCode).toBe(4);
  });

  it('QEMU that refuses the plugin leaves no file', async () => {
    vi.stubEnv('FAKE_QEMU', 'refuses-api');
    const file = path.join(folder, 'a.memtrace');
    const { exitCode, err } = await loadstore([
      'record',
      '--qemu',
      FAKE,
      '-o',
      file,
      '--',
      '-m',
      '1',
    ]);
    expect(err).toContain('minimum version of 7');
    expect(exitCode).toBe(4);
    expect(existsSync(file)).toBe(false);
  });

  it('QEMU that ends before the guest runs leaves the replaced trace', async () => {
    vi.stubEnv('FAKE_QEMU', 'never-runs');
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'precious');
    const words = ['record', '--force', '--qemu', FAKE, '-o', file, '--', '-m', '1'];
    const { exitCode, err } = await loadstore(words);
    expect(err).toContain('before the guest ran');
    expect(exitCode).toBe(4);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(readdirSync(folder).filter((name) => name.includes('replaced'))).toEqual([]);
  });

  it('no demo guest', async () => {
    const { exitCode, err } = await loadstore(['demo', '--qemu', FAKE]);
    expect(err).toContain("the demo guest's parts are not here");
    expect(err).toContain('Try: npm run setup');
    expect(exitCode).toBe(4);
  });

  it('a page that would replace another: of a trace with a name it has that name', async () => {
    const page = path.join(folder, 'audit.html');
    writeFileSync(page, 'precious');
    writeFileSync(path.join(folder, 'report.html'), 'of another trace');
    const words = ['demo', '--qemu', FAKE, '-o', path.join(folder, 'audit.memtrace')];
    const { exitCode, err } = await loadstore(words);
    expect(err).toContain(`${page} exists`);
    expect(exitCode).toBe(2);
    expect((await loadstore([...words, '--force'])).err).toContain("the demo guest's parts");
    rmSync(page);
    writeFileSync(`${page}.partial`, 'of another');
    expect((await loadstore(words)).err).toContain(`${page}.partial exists`);
    rmSync(`${page}.partial`);
    expect((await loadstore(words)).err).toContain("the demo guest's parts");
  });

  it('a page of an earlier demo is replaced, and not what another is writing beside it', async () => {
    const trace = path.join(folder, 'boot.memtrace');
    const page = path.join(folder, 'report.html');
    writeFileSync(page, '<title>boot.memtrace: loadstore report</title>');
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    expect((await loadstore(['demo', '--qemu', FAKE])).err).toContain("the demo guest's parts");
    writeFileSync(`${page}.partial`, 'of another');
    const { exitCode, err } = await loadstore(['demo', '--qemu', FAKE]);
    expect(err).toContain(`${page}.partial exists`);
    expect(exitCode).toBe(2);
    expect(existsSync(trace)).toBe(false);
  });

  it('no recording to control', async () => {
    expect(await loadstore(['ctl'])).toMatchObject({
      exitCode: 0,
      out: 'no recording is running\n',
    });
    const { exitCode, err } = await loadstore(['ctl', '4711', 'stop']);
    expect(err).toContain('no recording of "4711" is running');
    expect(exitCode).toBe(4);
  });
});

describe('doctor', () => {
  it('tells a QEMU without plugins and one that does not run, and ends with code 1', async () => {
    vi.stubEnv('FAKE_QEMU', 'no-plugins');
    const broken = path.join(folder, 'qemu-system-x86_64');
    writeFileSync(broken, '#!/bin/sh\necho broken\n');
    chmodSync(broken, 0o755);
    const one = await loadstore(['doctor', '--qemu', FAKE]);
    expect(one.out).toContain('plugins are not compiled in');
    expect(one.out).toContain('Try: npm run setup');
    expect(one.exitCode).toBe(1);
    const other = await loadstore(['doctor', '--json'], { PATH: folder });
    expect(JSON.parse(other.out)).toMatchObject({
      qemus: [],
      broken: [{ path: broken, problem: 'it does not answer --version as QEMU does: broken' }],
      chosen: null,
      advice: 'npm run setup',
    });
    expect(other.exitCode).toBe(1);
  });
});

describe('describeFailure', () => {
  it('adds the command that helps to the facts of a trace error', () => {
    const error = new TraceError('checksum', 'the payload was changed', {
      file: 'a.memtrace',
      fileOffset: 0x4f000,
      expected: '9c',
      found: '11',
    });
    expect(describeFailure(error)).toEqual({
      message: 'a.memtrace at byte 0x4f000: the payload was changed (expected 9c, found 11)',
      remedy: 'loadstore check a.memtrace tells what is good; --repair OUT keeps that',
      exitCode: 3,
    });
  });

  it('shows user errors as they are and leaves bugs alone', () => {
    expect(describeFailure(new UserError(4, 'no room', 'make room'))).toEqual({
      message: 'no room',
      remedy: 'make room',
      exitCode: 4,
    });
    expect(describeFailure(new RangeError('oops'))).toBeUndefined();
  });
});
