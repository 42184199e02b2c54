// SPDX-License-Identifier: Apache-2.0
// Names for a Linux kernel that put itself at a random address and isolates its page tables: the place that is worked
// out from the trace is what the guest says itself, and the address spaces are as many as the kernel made. Two of its
// modules are loaded, at addresses of this boot alone.

import { execFile } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
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
  qemuUnderTest,
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

/**
 * Forks, some of which run another program; loads modules and reads through one of them. Symbols go to a disk: a serial
 * port takes far longer.
 */
const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for file in /init /bin/busybox /init; do sha256sum $file | wc -c; done
/bin/busybox insmod /overlay.ko
/bin/busybox insmod /dummy.ko
mount -t overlay -o lowerdir=/bin:/sys overlay /tmp
ls -l /tmp | wc -l
sha256sum /tmp/busybox
cat /proc/modules
cat /proc/kallsyms > /dev/nvme0n1
poweroff -f
`;

const MODULES = ['overlay', 'dummy'] as const;

type Row = Readonly<Record<string, string | number>>;

interface Hot {
  readonly result: {
    readonly loads: number;
    readonly stores: number;
    readonly functions: { readonly top: readonly Counted[] };
    readonly instructions: {
      readonly top: readonly (Counted & { readonly address: string; readonly function: string })[];
    };
  };
}

interface Counted {
  readonly name: string;
  readonly loads: number;
  readonly stores: number;
}

describe.skipIf(!PLUGIN_IS_BUILT)('symbols of a kernel at a random address', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  const cache = cacheFolderFrom(process.env['LOADSTORE_CACHE']);
  const busyboxFile = path.join(cache, 'demo-guest', 'root', 'bin', 'busybox');
  let symbolsFile = '';
  let symbolsText = '';
  let slideBytes = 0;
  const ownFile = path.join(folder.path, 'own.txt');
  const otherFile = path.join(folder.path, 'another-boot.txt');
  let said = '';
  afterAll(folder.remove);

  const addressIn = (text: string, name: string): bigint => {
    const line = new RegExp(`^([0-9a-f]{16}) [tT] ${name}\\r?$`, 'm').exec(text);
    if (line?.[1] === undefined) throw new Error(`no ${name} in ${text.slice(-400)}`);
    return BigInt(`0x${line[1]}`);
  };

  const moduleFile = (name: string): string =>
    path.join(cache, 'demo-guest', 'modules', `${name}.ko`);

  /** As /proc/modules of the recorded boot has it. */
  const moduleAddress = (name: string): string => {
    const digits = new RegExp(`^${name} .* 0x([0-9a-f]{16})\\r?$`, 'm').exec(said)?.[1];
    if (digits === undefined) throw new Error(`no module ${name} in ${said.slice(-400)}`);
    return `0x${digits}`;
  };

  /** A disk for the guest's kallsyms, which are written to `file` afterwards. */
  const boot = async (
    words: readonly string[],
    file: string,
    run: (words: readonly string[]) => Promise<void>,
  ): Promise<void> => {
    const disk = path.join(folder.path, 'symbols.raw');
    writeFileSync(disk, '');
    truncateSync(disk, 8 * 2 ** 20);
    const drive = `file=${disk},format=raw,if=none,id=symbols`;
    await run([...words, '-drive', drive, '-device', 'nvme,serial=1,drive=symbols']);
    const text = readFileSync(disk, 'latin1');
    writeFileSync(file, text.slice(0, text.indexOf('\0')), 'latin1');
  };

  beforeAll(async () => {
    const guest = await demoGuest();
    const console = path.join(folder.path, 'console.txt');
    const initramfs = path.join(folder.path, 'initramfs.cpio');
    const modules = MODULES.map((name) => [`${name}.ko`, readFileSync(moduleFile(name))] as const);
    writeFileSync(initramfs, encodeInitramfs(readFileSync(busyboxFile), INIT, new Map(modules)));
    // Where the host is busy the kernel finds no timer ticks in time and gives up, unless it is told not to look.
    const words = bootWords(guest, console).map((word, index, all) => {
      if (all[index - 1] === '-initrd') return initramfs;
      return all[index - 1] === '-append' ? 'console=ttyS0 panic=-1 pti=on no_timer_check' : word;
    });
    await boot(words, ownFile, async (all) => {
      const { exitCode, err } = await runLoadstore('record', '-o', trace, '--', ...all);
      if (exitCode !== 0) throw new Error(err);
    });
    said = readFileSync(console, 'latin1');
    symbolsFile = guest.symbolsFile;
    symbolsText = readFileSync(symbolsFile, 'latin1');
    const text = addressIn(readFileSync(ownFile, 'latin1'), '_text');
    slideBytes = Number(text - addressIn(symbolsText, '_text'));
    // One boot of some hundred has the kernel at the same address again.
    const { path: qemu } = await qemuUnderTest();
    do {
      await boot(words, otherFile, async (all) => {
        await promisify(execFile)(qemu, ['-accel', 'tcg', ...all]);
      });
    } while (addressIn(readFileSync(otherFile, 'latin1'), '_text') === text);
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

  /** Lines of modules in the guest's kallsyms. */
  const moduleLines = (file: string): { address: bigint; type: string; name: string }[] =>
    readFileSync(file, 'latin1')
      .split('\n')
      .flatMap((line) => {
        const [, digits, type = '', name = '', module = ''] =
          /^([0-9a-f]{16}) (\S) (\S+)\t\[(\w+)\]$/.exec(line) ?? [];
        if (digits === undefined) return [];
        return [{ address: BigInt(`0x${digits}`), type, name: `${name} [${module}]` }];
      });

  const queryRows = async (sql: string, ...symbols: readonly string[]): Promise<readonly Row[]> => {
    const words = symbols.flatMap((file) => ['--symbols', file]);
    return ((await jsonOf('query', trace, sql, ...words)) as { rows: readonly Row[] }).rows;
  };

  /** The functions of a module that ran, by what is given as symbols. */
  const functionsOf = async (
    module: string,
    ...symbols: readonly string[]
  ): Promise<readonly Row[]> =>
    queryRows(
      `select name, address::varchar as address, blocks from functions where module = '${module}' order by name`,
      ...symbols,
    );

  it('of modules have the names and places that the guest says', async () => {
    const lines = moduleLines(ownFile);
    const functions = lines
      .filter(({ type }) => 'tT'.includes(type))
      .toSorted((a, b) => Number(a.address - b.address));
    const overlay = functions.filter(({ name }) => name.endsWith('[overlay]'));
    expect(overlay.length).toBeGreaterThan(100);
    expect(overlay[0]?.address).toBe(BigInt(moduleAddress('overlay')));
    const { result } = (await jsonOf(
      ...(['hot', trace, '--symbols', ownFile] as const),
      ...['--function', '*[overlay]', '--report-top', '100000'],
    )) as Hot;
    // Every instruction's function is the one that is at or before it in the guest's own list.
    const named = new Map<string, number>();
    for (const row of result.instructions.top) {
      const address = BigInt(row.address);
      const begin = functions.findLast((one) => one.address <= address)?.address;
      const names = functions.filter((one) => one.address === begin).map(({ name }) => name);
      expect(names).toContain(row.function);
      named.set(row.function, (named.get(row.function) ?? 0) + row.loads + row.stores);
    }
    expect(named.size).toBeGreaterThan(50);
    const counted = new Map(result.functions.top.map((one) => [one.name, one.loads + one.stores]));
    expect(counted).toEqual(named);
    // The same from the module's file and its address, and no access of its code goes without, but for what interrupts
    // put on the stack meanwhile.
    const file = `${moduleFile('overlay')}@${moduleAddress('overlay')}`;
    const [first, last] = [overlay[0]?.address ?? 0n, overlay.at(-1)?.address ?? 0n];
    const rows = await queryRows(
      `select accesses.function::varchar as name, count(*) as accesses from accesses join blocks using (block)
       where instructions > 0 and pc between ${first} and ${last | 0xfffn} group by all`,
      ...[symbolsFile, file],
    );
    expect(new Map(rows.map(({ name, accesses }) => [name, accesses]))).toEqual(counted);
  });

  it('of modules are the same from their files, for code that is theirs', async () => {
    const files = MODULES.map((name) => `${moduleFile(name)}@${moduleAddress(name)}`);
    const places = new Set(moduleLines(ownFile).map(({ name, address }) => `${name} ${address}`));
    for (const module of MODULES) {
      const fromList = await functionsOf(module, ownFile);
      const fromFiles = await functionsOf(module, symbolsFile, ...files);
      for (const row of [...fromList, ...fromFiles]) {
        expect(places).toContain(`${row['name']} ${row['address']}`);
      }
      expect(fromFiles.length).toBeGreaterThan(module === 'overlay' ? 50 : 2);
      // The init code of overlay may have been where dummy is now: the list alone cannot tell.
      for (const row of fromFiles) {
        const listed = fromList.find(({ name }) => name === row['name']);
        expect(Number(row['blocks'])).toBeLessThanOrEqual(Number(listed?.['blocks']));
      }
    }
    expect(await functionsOf('overlay', symbolsFile, ...files)).toEqual(
      await functionsOf('overlay', ownFile),
    );
    const { err, exitCode } = await runLoadstore(
      ...['dump', trace, '--count', '1'],
      ...files.flatMap((file) => ['--symbols', file]),
    );
    expect(exitCode).toBe(0);
    expect(err).toMatch(/kernel module overlay, \d+ symbols; \d+ blocks of its code ran\n/);
    expect(err).toMatch(/kernel module dummy, \d+ symbols; \d+ blocks of its code ran/);
  });

  it('of modules are refused a page off, or said to be unchecked where nothing ran', async () => {
    const overlay = BigInt(moduleAddress('overlay'));
    const dump = async (name: string, address: bigint): ReturnType<typeof runLoadstore> =>
      runLoadstore(
        ...['dump', trace, '--count', '1'],
        ...['--symbols', `${moduleFile(name)}@0x${address.toString(16)}`],
      );
    for (const address of [overlay - 4096n, overlay + 4096n]) {
      const { exitCode, err, out } = await dump('overlay', address);
      expect(err).toContain('overlay.ko: it does not match the kernel module overlay');
      expect(err).toContain('Try: its address from /proc/modules of the boot that was recorded');
      expect(out).toBe('');
      expect(exitCode).toBe(2);
    }
    const elsewhere = await dump('dummy', overlay);
    expect(elsewhere.err).toContain('dummy.ko: it does not match the kernel module dummy');
    expect(elsewhere.exitCode).toBe(2);
    // Modules are put at the lower end of their area.
    const unchecked = await dump('dummy', 0xffff_ffff_fe00_0000n);
    expect(unchecked.err).toContain('none of its code ran, so that its address is not checked');
    expect(unchecked.exitCode).toBe(0);
  });

  it('of modules are left out when the list is of another boot', async () => {
    const words = ['query', trace, 'select distinct module from functions', '--json'];
    const { err, out } = await runLoadstore(...words, '--symbols', otherFile);
    // Numbers and offsets into per-CPU areas are no places.
    const left = moduleLines(otherFile).filter(({ type }) => !'AaUNn?'.includes(type));
    expect(left.length).toBeGreaterThan(200);
    expect(err).toContain(`; ${left.length} of kernel modules left out: of another boot`);
    const { rows } = JSON.parse(out) as { rows: readonly { module: string }[] };
    expect(rows.map(({ module }) => module).toSorted()).toEqual(['', 'busybox']);
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
