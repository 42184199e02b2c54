// SPDX-License-Identifier: Apache-2.0
// Names for a Linux kernel that put itself at a random address and isolates its page tables: the place that is worked
// out from the trace is what the guest says itself, and the address spaces are as many as the kernel made.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolderFrom } from '../../src/capture/index.ts';
import { openTrace } from '../../src/format/index.ts';
import { encodeInitramfs } from '../../src/guests/index.ts';
import {
  bootWords,
  demoGuest,
  jsonOf,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';

interface AddressSpaces {
  readonly parameters: {
    readonly symbols: readonly {
      readonly kind: string;
      readonly slideBytes?: number;
      readonly bases?: readonly string[];
      readonly vote?: { readonly matched: number; readonly total: number };
    }[];
  };
  readonly result: {
    readonly isolated: boolean;
    readonly addressSpaces: readonly {
      readonly accesses: number;
      readonly userAccesses: number;
      readonly programs: readonly { readonly name: string; readonly accesses: number }[];
    }[];
  };
}

/** Forks, some of which run another program; the first line is where the kernel's image begins. */
const INIT = `#!/bin/sh
mount -t proc proc /proc
grep -m1 ' _text$' /proc/kallsyms
for file in /init /bin/busybox /init; do sha256sum $file | wc -c; done
poweroff -f
`;

describe.skipIf(!PLUGIN_IS_BUILT)('symbols of a kernel at a random address', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  const cache = cacheFolderFrom(process.env['LOADSTORE_CACHE']);
  const busyboxFile = path.join(cache, 'demo-guest', 'root', 'bin', 'busybox');
  let symbolsFile = '';
  let symbolsText = '';
  let slideBytes = 0;
  afterAll(folder.remove);

  const addressIn = (text: string, name: string): bigint => {
    const line = new RegExp(`^([0-9a-f]{16}) [tT] ${name}\\r?$`, 'm').exec(text);
    if (line?.[1] === undefined) throw new Error(`no ${name} in ${text.slice(-400)}`);
    return BigInt(`0x${line[1]}`);
  };

  beforeAll(async () => {
    const guest = await demoGuest();
    const console = path.join(folder.path, 'console.txt');
    const initramfs = path.join(folder.path, 'initramfs.cpio');
    writeFileSync(initramfs, encodeInitramfs(readFileSync(busyboxFile), INIT));
    // Where the host is busy the kernel finds no timer ticks in time and gives up, unless it is told not to look.
    const words = bootWords(guest, console).map((word, index, all) => {
      if (all[index - 1] === '-initrd') return initramfs;
      return all[index - 1] === '-append' ? 'console=ttyS0 panic=-1 pti=on no_timer_check' : word;
    });
    const { exitCode, err } = await runLoadstore('record', '-o', trace, '--', ...words);
    if (exitCode !== 0) throw new Error(err);
    symbolsFile = guest.symbolsFile;
    symbolsText = readFileSync(symbolsFile, 'latin1');
    const said = addressIn(readFileSync(console, 'latin1'), '_text');
    slideBytes = Number(said - addressIn(symbolsText, '_text'));
  });

  it('are put where the guest says that its kernel is', async () => {
    const { err, out, exitCode } = await runLoadstore(
      ...['events', trace, '--symbols', symbolsFile, '--json', '--kind', 'interrupts'],
    );
    expect(exitCode).toBe(0);
    const place = slideBytes === 0 ? '' : `, 0x${slideBytes.toString(16)} higher than they say`;
    expect(err).toContain(`symbols${place};`);
    // Timer interrupts mostly find the kernel in its idle loop or at its work, whose functions have names.
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { ip: string; symbol?: string });
    const inKernel = events.filter(({ ip }) => /^0xffffffff[89ab]/.test(ip));
    expect(inKernel.length).toBeGreaterThan(50);
    expect(inKernel.filter(({ symbol }) => symbol === undefined)).toEqual([]);
  });

  it('name instructions without being asked, since the kernel is known', async () => {
    const { out } = await runLoadstore(
      'dump',
      trace,
      '--count',
      '20000',
      '--from',
      '100M',
      '--json',
    );
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { cpl: number; symbol?: string });
    const named = lines.filter(({ symbol }) => /^\w+\+0x[0-9a-f]+$/.test(symbol ?? ''));
    expect(lines.length).toBe(20_000);
    expect(named.length).toBeGreaterThan(19_000);
  });

  it('of another build are refused', async () => {
    const other = path.join(folder.path, 'other.txt');
    const middle = addressIn(symbolsText, 'copy_process');
    const moved = symbolsText.replaceAll(/^[0-9a-f]{16}(?= [tT] )/gm, (digits) => {
      const address = BigInt(`0x${digits}`);
      return (address > middle ? address + 16n : address).toString(16).padStart(16, '0');
    });
    writeFileSync(other, moved);
    const { exitCode, err, out } = await runLoadstore('dump', trace, '--symbols', other);
    expect(err).toContain(`${other}: symbols do not match the kernel in the trace`);
    expect(err).toContain('Try: System.map, vmlinux or /proc/kallsyms of the very kernel that ran');
    expect(out).toBe('');
    expect(exitCode).toBe(2);
  });

  it('show as many address spaces of processes as the kernel made, each with its program', async () => {
    const { parameters, result } = (await jsonOf(
      'address-spaces',
      ...[trace, '--symbols', busyboxFile, '--symbols', symbolsFile],
    )) as AddressSpaces;
    expect(parameters.symbols).toMatchObject([
      { kind: 'program', bases: ['0x400000'] },
      { kind: 'kernel', slideBytes },
    ]);
    expect(result.isolated).toBe(true);
    const accesses = result.addressSpaces.reduce((sum, space) => sum + space.accesses, 0);
    const ofUsers = result.addressSpaces.filter(({ userAccesses }) => userAccesses > 0);
    for (const { programs, userAccesses } of ofUsers) {
      expect(programs.map(({ name }) => name)).toEqual(['busybox']);
      // The rest is the kernel's page of code that programs call for the time.
      expect(programs[0]?.accesses).toBeGreaterThan(0.99 * userAccesses);
    }
    const unasked = (await jsonOf('address-spaces', trace)) as AddressSpaces;
    expect(unasked.result).toEqual(result);
    expect(unasked.parameters.symbols.map(({ kind }) => kind)).toEqual(['kernel', 'program']);
    // A process gets an address space when it is forked and when it runs another program.
    const opened = await openTrace(trace);
    try {
      const makers = new Set(
        ['dup_mmap', 'begin_new_exec'].map(
          (name) => addressIn(symbolsText, name) + BigInt(slideBytes),
        ),
      );
      let made = 0;
      for await (const { id, length } of opened.blocks()) {
        for (let i = 0; i < length; i++) if (makers.has(opened.code.vaddr(id[i] ?? 0))) made++;
      }
      expect(ofUsers).toHaveLength(made);
      expect(made).toBeGreaterThan(6);
      const { loads, stores } = opened.summary();
      expect(accesses).toBe(loads + stores);
    } finally {
      await opened.close();
    }
  });
});
