// SPDX-License-Identifier: Apache-2.0
// Recordings of a real Linux boot by the QEMU under test (LOADSTORE_QEMU), through the command line.

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/capture/index.ts';
import type { DemoGuest } from '../../src/guests/index.ts';
import {
  bootWords,
  demoGuest,
  jsonOf,
  makeFolder,
  PLUGIN_IS_BUILT,
  qemuUnderTest,
  type Running,
  runLoadstore,
  startLoadstore,
  startOnSmallDisk,
} from './run-loadstore.ts';

interface Info {
  readonly complete: boolean;
  readonly cause: string | null;
  readonly cut: { readonly fileOffset: number; readonly reason: string } | null;
  readonly fileBytes: number;
  readonly bytesPerAccess: number;
  readonly capabilities: Readonly<Record<string, { readonly status: string }>>;
  readonly totals: {
    readonly instructions: number;
    readonly loads: number;
    readonly stores: number;
    readonly aborted: number;
    readonly accesses: number;
    readonly blocks: number;
    readonly captured: number | null;
    readonly encoded: number | null;
    readonly written: number | null;
  };
}

interface CtlStatus {
  readonly recordings: readonly {
    readonly qemuPid: number;
    readonly launcherPid: number;
    readonly status: { readonly state: string; readonly accesses: number };
  }[];
}

const infoOf = async (file: string): Promise<Info> => (await jsonOf('info', file)) as Info;
const ctlOf = async (...words: string[]): Promise<CtlStatus> =>
  (await jsonOf('ctl', ...words)) as CtlStatus;

/** QEMU 7.2 cannot take the recorder's callbacks out of code that it has translated. */
const CANNOT_PAUSE = (await qemuUnderTest()).pluginApi < 2;

describe.skipIf(!PLUGIN_IS_BUILT)('a recorded Linux boot', () => {
  let guest: DemoGuest;
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  const consoleFile = path.join(folder.path, 'console.txt');
  let result: unknown;

  beforeAll(async () => {
    guest = await demoGuest();
    result = await jsonOf('record', '-o', trace, '--', ...bootWords(guest, consoleFile));
  });
  afterAll(folder.remove);

  it('runs to the end of the guest, losing nothing', async () => {
    expect(readFileSync(consoleFile, 'latin1')).toContain('guest: done');
    expect(result).toMatchObject({ cause: 'guest-exit', qemu: { exitCode: 0, signal: null } });
    const { complete, cause, totals } = await infoOf(trace);
    expect({ complete, cause }).toEqual({ complete: true, cause: 'guest-exit' });
    expect(totals.captured).toBe(totals.accesses + totals.aborted + totals.blocks);
    expect([totals.encoded, totals.written]).toEqual([totals.captured, totals.captured]);
    // A boot with this guest's work executes about 1.7 G instructions, of which a quarter access memory.
    expect(totals.instructions).toBeGreaterThan(0.8e9);
    expect(totals.instructions).toBeLessThan(5e9);
    expect(totals.loads).toBeGreaterThan(totals.instructions / 20);
    expect(totals.stores).toBeGreaterThan(totals.instructions / 20);
    expect(totals.accesses).toBe(totals.loads + totals.stores);
  });

  it('is small, and for its owner alone', async () => {
    expect((await infoOf(trace)).bytesPerAccess).toBeLessThan(0.2);
    expect(statSync(trace).mode & 0o777).toBe(0o600);
  });

  it('passes the check', async () => {
    const { exitCode, out } = await runLoadstore('check', trace, '--json');
    expect(JSON.parse(out)).toMatchObject({ ok: true, problems: [] });
    expect(exitCode).toBe(0);
  });

  it('is printed from its first access, at the reset vector', async () => {
    const { out } = await runLoadstore('dump', trace, '--count', '3', '--format', 'ndjson');
    const lines = out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({ ordinal: 0, vcpu: 0, op: 'load' });
    const csv = await runLoadstore(
      'dump',
      trace,
      '--from',
      '1M',
      '--count',
      '2',
      '--format',
      'csv',
    );
    expect(csv.out.split('\n')[0]).toBe(
      'ordinal,vcpu,icount,pc,op,size,vaddr,paddr,cpl,cr3,bytes,symbol,marks',
    );
    expect(csv.out.split('\n')[1]).toMatch(/^1000000,0,\d+,0x[0-9a-f]+,(load|store),\d+,0x/);
  });

  it('is not overwritten unless forced', async () => {
    const before = statSync(trace).size;
    const { exitCode, err } = await runLoadstore('record', '-o', trace, '--', '-m', '32');
    expect(err).toContain('boot.memtrace exists');
    expect(exitCode).toBe(2);
    expect(statSync(trace).size).toBe(before);
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('a recording that is cut short', () => {
  let guest: DemoGuest;
  let folder = makeFolder();
  let trace = '';
  let words: string[] = [];
  let running: Running | undefined;

  beforeAll(async () => {
    folder.remove();
    guest = await demoGuest();
  });
  beforeEach(() => {
    folder = makeFolder();
    trace = path.join(folder.path, 'a.memtrace');
    words = bootWords(guest, path.join(folder.path, 'console.txt'));
  });
  afterEach(() => {
    running?.child.kill('SIGKILL');
    running = undefined;
    folder.remove();
  });

  const start = (...options: string[]): Running => {
    running = startLoadstore(['record', '-o', trace, ...options, '--', ...words]);
    return running;
  };
  /** Waits until the recording has come so far. */
  const reach = async (
    isThere: (status: { state: string; accesses: number }) => boolean,
  ): Promise<CtlStatus['recordings'][number]> => {
    for (let tries = 0; tries < 300; tries++) {
      const entry = (await ctlOf()).recordings.find(
        ({ launcherPid }) => launcherPid === running?.child.pid,
      );
      if (entry !== undefined && isThere(entry.status)) return entry;
      await sleep(100);
    }
    throw new Error('the recording did not come so far within 30 s');
  };

  it('stops at a limit of accesses exactly', async () => {
    const { exitCode } = await start('--limit-accesses', '3000001').finished;
    const { complete, cause, totals } = await infoOf(trace);
    expect({ complete, cause, exitCode }).toEqual({ complete: true, cause: 'limit', exitCode: 0 });
    expect(totals.accesses + totals.aborted).toBe(3_000_001);
  });

  it('stops at a limit of instructions exactly', async () => {
    const { exitCode } = await start('--limit-instructions', '2000003').finished;
    const { complete, cause, totals } = await infoOf(trace);
    expect({ complete, cause, exitCode }).toEqual({ complete: true, cause: 'limit', exitCode: 0 });
    expect(totals.instructions).toBe(2_000_003);
  });

  it('stops before a limit of bytes', async () => {
    const { exitCode } = await start('--limit-bytes', '1M').finished;
    const { complete, cause, fileBytes } = await infoOf(trace);
    expect({ complete, cause, exitCode }).toEqual({ complete: true, cause: 'limit', exitCode: 0 });
    expect(fileBytes).toBeLessThanOrEqual(2 ** 20);
    expect(fileBytes).toBeGreaterThan(2 ** 17);
  });

  it('is closed by Ctrl-C', async () => {
    const { child, finished } = start();
    await reach(({ accesses }) => accesses > 2_000_000);
    child.kill('SIGINT');
    expect((await finished).exitCode).toBe(130);
    const { complete, cause, totals } = await infoOf(trace);
    expect({ complete, cause }).toEqual({ complete: true, cause: 'stopped' });
    expect(totals.written).toBe(totals.captured);
  });

  it('is readable after kill -9 of QEMU, and can be repaired', async () => {
    const { finished } = start();
    const { qemuPid } = await reach(({ accesses }) => accesses > 30_000_000);
    process.kill(qemuPid, 'SIGKILL');
    const { exitCode, err } = await finished;
    expect(err).toContain('SIGKILL before the trace was closed');
    expect(exitCode).toBe(4);
    const { complete, cause, totals } = await infoOf(trace);
    expect({ complete, cause, captured: totals.captured }).toEqual({
      complete: false,
      cause: null,
      captured: null,
    });
    expect(totals.accesses).toBeGreaterThan(1_000_000);

    const check = await runLoadstore('check', trace);
    expect(check.exitCode).toBe(1);
    const repaired = path.join(folder.path, 'repaired.memtrace');
    await runLoadstore('check', trace, '--repair', repaired);
    expect((await infoOf(repaired)).totals.accesses).toBe(totals.accesses);
    const checked = await runLoadstore('check', repaired);
    expect(checked.exitCode).toBe(0);
    expect(checked.out).toContain('without totals that tell how much was recorded');
  });

  it('goes on after kill -9 of loadstore until ctl stops it', async () => {
    const { child, exited } = start();
    const { qemuPid } = await reach(({ accesses }) => accesses > 1_000_000);
    child.kill('SIGKILL');
    await exited;
    expect(isAlive(qemuPid)).toBe(true);
    const stop = await runLoadstore('ctl', trace, 'stop');
    expect(stop.exitCode).toBe(0);
    for (let tries = 0; tries < 100 && isAlive(qemuPid); tries++) await sleep(50);
    expect(isAlive(qemuPid)).toBe(false);
    expect((await infoOf(trace)).complete).toBe(true);
  });

  it('is readable after kill -9 of QEMU and loadstore together', async () => {
    const { child, exited } = start();
    const { qemuPid } = await reach(({ accesses }) => accesses > 30_000_000);
    child.kill('SIGKILL');
    process.kill(qemuPid, 'SIGKILL');
    await exited;
    for (let tries = 0; tries < 100 && isAlive(qemuPid); tries++) await sleep(50);
    const { complete, totals } = await infoOf(trace);
    expect(complete).toBe(false);
    expect(totals.accesses).toBeGreaterThan(1_000_000);
    const repaired = path.join(folder.path, 'repaired.memtrace');
    await runLoadstore('check', trace, '--repair', repaired);
    expect((await runLoadstore('check', repaired)).exitCode).toBe(0);
    expect((await infoOf(repaired)).totals.accesses).toBe(totals.accesses);
    // What the two left behind is nobody's recording.
    expect((await ctlOf()).recordings).toEqual([]);
  });

  it.skipIf(CANNOT_PAUSE)('records only what is between resume and pause', async () => {
    const { child, finished } = start('--start-paused');
    const before = await reach(({ state }) => state === 'paused');
    expect(before.status.accesses).toBe(0);
    await runLoadstore('ctl', trace, 'resume');
    await reach(({ state, accesses }) => state === 'recording' && accesses > 100_000);
    expect((await runLoadstore('info', trace)).out).toContain('still being recorded');
    child.kill('SIGUSR1');
    await reach(({ state }) => state === 'paused');
    // Soon: a guest that is not recorded any more comes to its end fast.
    const stop = await runLoadstore('ctl', String(before.qemuPid), 'stop');
    expect(stop.exitCode).toBe(0);
    expect((await finished).exitCode).toBe(0);
    const { complete, totals } = await infoOf(trace);
    expect(complete).toBe(true);
    expect(totals.accesses).toBeGreaterThan(100_000);
    expect((await runLoadstore('info', trace)).out).toMatch(/gaps +1 pause of the recording/);
    expect((await runLoadstore('check', trace)).exitCode).toBe(0);
  });

  it.runIf(CANNOT_PAUSE)('can start paused; pausing later is refused with a reason', async () => {
    start('--start-paused');
    const { qemuPid } = await reach(({ state }) => state === 'paused');
    expect((await runLoadstore('ctl', trace, 'resume')).exitCode).toBe(0);
    await reach(({ state, accesses }) => state === 'recording' && accesses > 100_000);
    const pause = await runLoadstore('ctl', trace, 'pause');
    expect(pause.out).toContain('cannot pause');
    expect(pause.exitCode).toBe(1);
    expect((await runLoadstore('ctl', String(qemuPid), 'stop')).exitCode).toBe(0);
  });

  it('keeps what fits when the disk is full, and stops the guest', async () => {
    const disk = path.join(folder.path, 'disk');
    mkdirSync(disk);
    const onDisk = path.join(disk, 'full.memtrace');
    running = startOnSmallDisk(disk, 1024, folder.path, [
      ...['record', '-o', onDisk, '--', ...words],
    ]);
    const { exitCode, err } = await running.finished;
    expect(err).toMatch(/recording ended early: .*No space left on device/);
    expect(exitCode).toBe(4);
    const { totals, fileBytes } = await infoOf(path.join(folder.path, 'full.memtrace'));
    expect(fileBytes).toBeLessThanOrEqual(2 ** 20);
    expect(totals.accesses).toBeGreaterThan(1_000_000);
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('a recording that cannot begin', () => {
  const folder = makeFolder();
  afterAll(folder.remove);

  it('tells what QEMU says and leaves no trace', async () => {
    const trace = path.join(folder.path, 'a.memtrace');
    const { exitCode, err } = await runLoadstore(
      ...['record', '-o', trace, '--', '-display', 'none', '-kernel', '/nonexistent/kernel'],
    );
    expect(err).toContain('/nonexistent/kernel');
    expect(exitCode).toBe(4);
    expect(existsSync(trace)).toBe(false);
  });

  it('tells that the folder cannot be written', async () => {
    const { exitCode, err } = await runLoadstore(
      ...['record', '-o', '/proc/a.memtrace', '--', '-display', 'none'],
    );
    expect(err).toMatch(/\/proc/);
    expect(exitCode).toBe(4);
  });

  it('refuses a file that is not a trace', async () => {
    const file = path.join(folder.path, 'text.memtrace');
    writeFileSync(file, 'not a trace');
    expect((await runLoadstore('check', file)).exitCode).toBe(3);
  });
});
