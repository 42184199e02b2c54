// SPDX-License-Identifier: Apache-2.0
// Exports of what the QEMU under test did: control flow must hold together across faults, software interrupts,
// rep instructions and vCPUs. And what is left of an export that fails.

import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAll } from '../../src/export/exported.oracle.ts';
import { type DrEntry, readDrmemtrace, readLines } from '../../src/export/readers.oracle.ts';
import type { GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import {
  bootWords,
  demoGuest,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
  startLoadstore,
  startOnSmallDisk,
} from './run-loadstore.ts';

const IS_INSTRUCTION =
  /^(instr|direct_jump|indirect_jump|taken_jump|untaken_jump|direct_call|indirect_call|return)$/;
const IS_INDIRECT = /^(indirect_jump|indirect_call|return)$/;

/** Places where the program goes on elsewhere without a reason, in words. */
function discontinuities(entries: readonly DrEntry[]): string[] {
  const found: string[] = [];
  const texts = new Map<bigint, readonly number[]>();
  let text: number[] = [];
  let target = 0n;
  let last: DrEntry | undefined;
  /** Where it must go on; undefined: the entries do not tell. */
  let next: bigint | undefined;
  for (const entry of entries) {
    if (entry.size === 'branch_target') target = entry.value;
    if (entry.type === 'encoding') text = [...text, ...entry.bytes];
    const isEvent = entry.size === 'hardware_event';
    if (isEvent || IS_INSTRUCTION.test(entry.type)) {
      const { value } = entry;
      const [prefix = 0] = texts.get(last?.value ?? 0n) ?? [];
      const goesOn = last?.value === value && (prefix === 0xf2 || prefix === 0xf3);
      if (next !== undefined && next !== value && !goesOn) {
        found.push(`${last?.type} ${last?.value.toString(16)} -> ${value.toString(16)}`);
      }
      if (last?.type === 'taken_jump' && last.value + BigInt(last.size) === value) {
        found.push(`taken to the next: ${value.toString(16)}`);
      }
      if (!isEvent && text.length > 0) texts.set(value, text);
      if (!isEvent) text = [];
      next = undefined;
      last = isEvent ? undefined : entry;
      if (IS_INDIRECT.test(entry.type)) next = target;
      else if (entry.type === 'instr' || entry.type === 'untaken_jump') {
        next = value + BigInt(entry.size);
      }
    }
  }
  return found;
}

describe.skipIf(!PLUGIN_IS_BUILT).each([
  { name: 'faults', vcpus: 1 },
  { name: 'rep', vcpus: 1 },
  { name: 'irq', machine: 'icount', vcpus: 1 },
  { name: 'smp', vcpus: 2 },
])('the guest $name', ({ name, machine = '', vcpus }) => {
  let run: GuestRun;
  beforeAll(async () => {
    run = await recordGuestNamed(name, machine);
  });
  afterAll(async () => run.close());

  it('has every reference of its instructions in drmemtrace and lackey', async () => {
    const wanted = run.accesses.filter(
      ({ aborted, origin }) => !aborted && origin === 'instruction',
    );
    expect(wanted.length).toBeGreaterThan(50);
    const { files } = await exportAll(run.trace, 'drmemtrace');
    const all = [...files.values()].map(readDrmemtrace);
    expect(all).toHaveLength(vcpus);
    const drawn = all.flatMap((entries) =>
      entries
        .filter(({ type }) => type === 'read' || type === 'write')
        .map(({ type, size, value }) => `${type} ${value.toString(16)} ${size}`),
    );
    const draw = (of: (typeof wanted)[number]): string =>
      `${of.store ? 'write' : 'read'} ${of.vaddr.toString(16)} ${of.size}`;
    expect(drawn).toEqual(
      [...new Set(wanted.map(({ vcpu }) => vcpu))].flatMap((vcpu) =>
        wanted.filter((access) => access.vcpu === vcpu).map(draw),
      ),
    );
    const lackey = await exportAll(run.trace, 'lackey');
    const lines = readLines(lackey.bytes, /^(I {2}| L | S )([0-9a-f]+),(\d+)$/);
    const ram = wanted.filter(({ device }) => !device);
    expect(lines.filter(([kind]) => kind !== 'I  ')).toHaveLength(ram.length);
    // One more for each instruction that was left in its middle, which only rep instructions are.
    const fetches = lines.length - ram.length;
    expect(fetches).toBeGreaterThanOrEqual(run.trace.summary().instructions);
  });

  it('holds together: every jump has a reason', async () => {
    const { files } = await exportAll(run.trace, 'drmemtrace');
    for (const bytes of files.values()) {
      expect(discontinuities(readDrmemtrace(bytes))).toEqual([]);
    }
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('an export that fails', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  afterAll(folder.remove);
  beforeAll(async () => {
    const words = bootWords(await demoGuest(), path.join(folder.path, 'console.txt'));
    await runLoadstore('record', '-o', trace, '--limit-accesses', '10M', '--', ...words);
  });

  it('on a full disk leaves nothing, and says so', async () => {
    const disk = path.join(folder.path, 'disk');
    mkdirSync(disk);
    const copy = path.join(folder.path, 'copy');
    mkdirSync(copy);
    for (const output of ['x.csv', 'x.csv.gz']) {
      const { exitCode, err } = await startOnSmallDisk(disk, 1024, copy, [
        ...['export', trace, '--to', 'csv', '-o', path.join(disk, output)],
      ]).finished;
      expect(err).toMatch(/cannot write .*x\.csv.*\.partial: no space left on the device/);
      expect(exitCode).toBe(4);
    }
    expect(readdirSync(copy)).toEqual([]);
  });

  it('by Ctrl-C leaves nothing', async () => {
    const output = path.join(folder.path, 'x.ndjson');
    const { child, finished } = startLoadstore([
      ...['export', trace, '--to', 'ndjson', '-o', output],
    ]);
    const partial = 'x.ndjson.partial';
    while (!readdirSync(folder.path).includes(partial)) await sleep(20);
    await sleep(200);
    child.kill('SIGINT');
    const { exitCode, err } = await finished;
    expect(err).toContain('interrupted');
    expect(exitCode).toBe(130);
    expect(readdirSync(folder.path).filter((file) => file.startsWith('x.'))).toEqual([]);
  });
});
