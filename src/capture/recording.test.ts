// SPDX-License-Identifier: Apache-2.0
// The launcher against a program that behaves as QEMU does, well and badly.

import {
  chmodSync,
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
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../base/index.ts';
import {
  causeOf,
  chooseQemu,
  judgeOutcome,
  listRunEntries,
  openControlPage,
  openRunFolder,
  type Recording,
  type RecordOutcome,
  type RecordRequest,
  requireRunEntry,
  startRecording,
} from './index.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
  vi.stubEnv('LOADSTORE_RUNTIME', path.join(folder, 'run'));
  vi.stubEnv('FAKE_QEMU_REPORT', path.join(folder, 'report.json'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function start(behaviour: string, changes: Partial<RecordRequest> = {}): Promise<Recording> {
  vi.stubEnv('FAKE_QEMU', behaviour);
  const qemu = await chooseQemu({ named: FAKE, searchPath: '', cacheFolder: folder });
  return startRecording({
    qemu,
    pluginFile: '/p/loadstore.so',
    outputFile: path.join(folder, 'a.memtrace'),
    force: false,
    guestArguments: ['-m', '32'],
    limits: {},
    startPaused: false,
    events: true,
    terminal: 'none',
    ...changes,
  });
}

async function record(
  behaviour: string,
  changes: Partial<RecordRequest> = {},
): Promise<RecordOutcome> {
  return (await start(behaviour, changes)).ended;
}

/** Files that were moved aside for a new trace. */
function asideFiles(): string[] {
  return readdirSync(folder).filter((name) => name.includes('replaced'));
}

async function failureOf(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UserError) return error;
  throw new Error(`expected a UserError, found ${String(error)}`);
}

describe('a recording that ends by itself', () => {
  it('is complete, tells what ran, and leaves nothing behind', async () => {
    const image = path.join(folder, 'kernel');
    writeFileSync(image, 'abc');
    const outcome = await record('runs-and-ends', { guestArguments: ['-kernel', image] });
    expect(judgeOutcome(outcome)).toMatchObject({ cause: 'guest-exit', exitCode: 0 });
    expect(outcome.status).toMatchObject({ state: 'closed', instructions: 1000, accesses: 400 });
    const report: unknown = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8'));
    expect(report).toMatchObject({ api: '4', words: outcome.command.slice(1) });
    expect(readdirSync(path.join(folder, 'run'))).toEqual([]);
    const scratch = /meta=([^,]+)\/recorder\.json/.exec(outcome.command.join(' '))?.[1] ?? '';
    expect(scratch).not.toBe('');
    expect(existsSync(scratch)).toBe(false);
  });

  it('says which exit code QEMU gave', async () => {
    const verdict = judgeOutcome(await record('exits-3'));
    expect(verdict).toMatchObject({ cause: 'guest-exit', exitCode: 0 });
    expect(verdict.explanation).toContain('exit code is 3');
  });

  it('stops at a limit, of which only the trace tells', async () => {
    const verdict = judgeOutcome(await record('limit'));
    expect(verdict).toMatchObject({ cause: 'guest-exit', explanation: '', exitCode: 0 });
    expect(causeOf(verdict, 'limit')).toBe('limit');
    expect(causeOf(verdict, 'guest-exit')).toBe('guest-exit');
    // A guest may end while it is being stopped: what was asked for counts.
    expect(causeOf({ ...verdict, cause: 'stopped' }, 'limit')).toBe('stopped');
  });
});

describe('a recording that is stopped', () => {
  it('is closed by the plugin, then QEMU ends', async () => {
    const recording = await start('obeys');
    await sleep(100);
    recording.stop();
    const outcome = await recording.ended;
    expect(outcome.status).toMatchObject({ state: 'closed', command: 'stop' });
    expect(judgeOutcome(outcome)).toMatchObject({ cause: 'stopped', exitCode: 130 });
  });

  it('ends QEMU itself when the guest sleeps', async () => {
    const recording = await start('sleeps');
    await sleep(200);
    recording.stop();
    const outcome = await recording.ended;
    expect(outcome.closed).toBe(true);
    expect(outcome.wallSeconds).toBeGreaterThan(2);
  });

  it('can be found, paused, resumed and stopped from outside', async () => {
    const recording = await start('obeys');
    const runFolder = openRunFolder(process.env);
    const entry = requireRunEntry(runFolder, path.join(folder, 'a.memtrace'));
    expect(requireRunEntry(runFolder, String(recording.pid))).toEqual(entry);
    expect(listRunEntries(runFolder)).toEqual([entry]);
    expect(() => requireRunEntry(runFolder, '1')).toThrow('no recording of "1" is running');

    const page = openControlPage(entry.controlFile);
    const reach = async (state: string): Promise<void> => {
      await vi.waitFor(
        () => {
          expect(page.readStatus().state).toBe(state);
        },
        { timeout: 20_000 },
      );
    };
    await reach('recording');
    recording.pauseOrResume();
    await reach('paused');
    page.sendCommand('run');
    await reach('recording');
    page.sendCommand('stop');
    const outcome = await recording.ended;
    expect(judgeOutcome(outcome)).toMatchObject({ cause: 'stopped', exitCode: 0 });
    page.close();
  });
});

describe('two recordings of one launcher', () => {
  it('are found one by one, until each has ended', async () => {
    const one = await start('obeys', { outputFile: path.join(folder, 'one.memtrace') });
    const two = await start('obeys', { outputFile: path.join(folder, 'two.memtrace') });
    const runFolder = openRunFolder(process.env);
    const pids = (): number[] => listRunEntries(runFolder).map(({ qemuPid }) => qemuPid);
    expect(pids()).toEqual([one.pid, two.pid]);
    one.stop();
    await one.ended;
    expect(pids()).toEqual([two.pid]);
    two.stop();
    await two.ended;
    expect(readdirSync(runFolder)).toEqual([]);
  });
});

describe('a recording that fails', () => {
  it('tells QEMU refusing the plugin, in its own words', async () => {
    const outcome = await record('refuses-api');
    expect(() => judgeOutcome(outcome)).toThrow(/refused the plugin.*minimum version of 7/s);
  });

  it('tells a QEMU without plugins', async () => {
    const outcome = await record('no-plugins');
    expect(() => judgeOutcome(outcome)).toThrow(/built without plugins.*invalid option/s);
  });

  it('tells QEMU refusing the arguments', async () => {
    const outcome = await record('bad-argument');
    expect(() => judgeOutcome(outcome)).toThrow(
      /exit code 1 before recording began.*could not open kernel file/s,
    );
  });

  it('tells QEMU dying, and that the trace is cut', async () => {
    const verdict = judgeOutcome(await record('dies'));
    expect(verdict).toMatchObject({ cause: 'cut', exitCode: 4 });
    expect(verdict.explanation).toMatch(/ended by SIGKILL.*about to die/s);
  });

  it('tells a full disk, and ends QEMU', async () => {
    const verdict = judgeOutcome(await record('disk-full'));
    expect(verdict).toMatchObject({ cause: 'write-error', exitCode: 4 });
    expect(verdict.explanation).toContain('No space left on device (errno 28)');
    expect(verdict.remedy).toContain('make room');
  });

  it('keeps an existing file unless forced', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'precious');
    const error = await failureOf(start('runs-and-ends'));
    expect(error.message).toContain('a.memtrace exists');
    expect(error.exitCode).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(judgeOutcome(await record('runs-and-ends', { force: true })).cause).toBe('guest-exit');
  });

  it('brings a replaced file back when QEMU makes no new one', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'precious');
    const recording = await start('bad-argument', { force: true });
    await recording.ended;
    recording.keepOutput();
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(asideFiles()).toEqual([]);
  });

  it('brings a replaced file back when the new one is discarded', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'precious');
    const recording = await start('runs-and-ends', { force: true });
    await recording.ended;
    expect(readFileSync(file, 'utf8')).toBe('MEMTRACE');
    recording.discardOutput();
    recording.keepOutput();
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(asideFiles()).toEqual([]);
  });

  it('removes the replaced file when the new one is kept', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'old');
    const recording = await start('runs-and-ends', { force: true });
    await recording.ended;
    expect(asideFiles()).toEqual(['a.memtrace.replaced']);
    recording.keepOutput();
    recording.discardOutput();
    expect(readFileSync(file, 'utf8')).toBe('MEMTRACE');
    expect(asideFiles()).toEqual([]);
  });

  it('brings a replaced file back when QEMU cannot be started', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'precious');
    const known = await chooseQemu({ named: FAKE, searchPath: '', cacheFolder: folder });
    const qemu = { ...known, path: path.join(folder, 'gone') };
    const recording = await start('obeys', { force: true, qemu });
    await expect(recording.ended).rejects.toThrow('ENOENT');
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(asideFiles()).toEqual([]);
  });

  it('leaves alone what a killed launcher moved aside', async () => {
    const file = path.join(folder, 'a.memtrace');
    writeFileSync(file, 'third');
    writeFileSync(`${file}.replaced`, 'first');
    writeFileSync(`${file}.replaced-2`, 'second');
    const recording = await start('runs-and-ends', { force: true });
    await recording.ended;
    expect(readFileSync(`${file}.replaced-3`, 'utf8')).toBe('third');
    recording.keepOutput();
    expect(asideFiles()).toEqual(['a.memtrace.replaced', 'a.memtrace.replaced-2']);
    expect(readFileSync(`${file}.replaced`, 'utf8')).toBe('first');
  });

  it('refuses a folder that is not there, and one that is not a file', async () => {
    const missing = await failureOf(start('obeys', { outputFile: path.join(folder, 'no/a.mt') }));
    expect(missing.message).toBe(`cannot write in ${path.join(folder, 'no')}: no such folder`);
    expect(missing.exitCode).toBe(4);
    mkdirSync(path.join(folder, 'd'));
    const isFolder = await failureOf(start('obeys', { outputFile: path.join(folder, 'd') }));
    expect(isFolder.message).toContain('not a regular file');
  });
});

describe('chooseQemu', () => {
  const search = (changes: object) => ({ searchPath: '', cacheFolder: folder, ...changes });

  it('prefers a QEMU that gives everything, wherever it is', async () => {
    for (const [name, version] of [
      ['qemu-7.2', '7.2.22'],
      ['qemu-10.0', '10.0.2'],
    ] as const) {
      mkdirSync(path.join(folder, name));
      const file = path.join(folder, name, 'qemu-system-x86_64');
      writeFileSync(file, `#!/bin/sh\necho "QEMU emulator version ${version}"\n`);
      chmodSync(file, 0o755);
    }
    const searchPath = path.join(folder, 'qemu-7.2');
    expect(await chooseQemu(search({ searchPath }))).toMatchObject({
      origin: 'cache',
      version: { text: '10.0.2' },
      pluginApi: 4,
    });
    const named = path.join(searchPath, 'qemu-system-x86_64');
    expect(await chooseQemu(search({ named }))).toMatchObject({ origin: 'named', pluginApi: 1 });
  });

  it('says that there is none, or that the named one is none', async () => {
    expect(await failureOf(chooseQemu(search({})))).toMatchObject({
      message: 'no qemu-system-x86_64 found',
      remedy: expect.stringContaining('npm run setup'),
      exitCode: 4,
    });
    vi.stubEnv('FAKE_QEMU', 'no-version');
    expect((await failureOf(chooseQemu(search({ named: FAKE })))).message).toContain(
      'does not answer --version as QEMU does: not a QEMU',
    );
    const named = path.join(folder, 'nothing');
    expect((await failureOf(chooseQemu(search({ named })))).message).toContain('does not run');
  });
});
