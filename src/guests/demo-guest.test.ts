// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoBootArguments, findKnownSymbols, prepareDemoGuest } from './index.ts';

let cacheFolder = '';
const guestFolder = (): string => path.join(cacheFolder, 'demo-guest');

beforeEach(() => {
  cacheFolder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
});
afterEach(() => {
  rmSync(cacheFolder, { recursive: true, force: true });
});

/** What set-up leaves; with the symbols there, no boot is needed. */
function setUp(): void {
  mkdirSync(path.join(guestFolder(), 'root'), { recursive: true });
  writeFileSync(path.join(guestFolder(), 'root', 'vmlinuz-6.1.0-test'), 'kernel');
  writeFileSync(path.join(guestFolder(), 'root', 'busybox'), 'busybox');
  writeFileSync(path.join(guestFolder(), 'kallsyms-6.1.0-test.txt'), 'symbols');
  writeFileSync(
    path.join(guestFolder(), 'parts.json'),
    '{"kernel": "root/vmlinuz-6.1.0-test", "busybox": "root/busybox", "packages": []}',
  );
}

const prepare = () => prepareDemoGuest({ cacheFolder, qemuPath: '/nonexistent/qemu' });

describe('prepareDemoGuest', () => {
  it('makes the initramfs once, from the parts', async () => {
    setUp();
    const guest = await prepare();
    expect(guest.kernelVersion).toBe('6.1.0-test');
    const text = readFileSync(guest.initramfsFile, 'latin1');
    for (const word of ['busybox', 'dev/console', 'sha256sum', 'guest: done']) {
      expect(text).toContain(word);
    }
    const firstMs = statSync(guest.initramfsFile).mtimeMs;
    expect(await prepare()).toEqual(guest);
    expect(statSync(guest.initramfsFile).mtimeMs).toBe(firstMs);
  });

  it('follows a changed busybox', async () => {
    setUp();
    await prepare();
    writeFileSync(path.join(guestFolder(), 'root', 'busybox'), 'another one');
    const { initramfsFile } = await prepare();
    expect(readFileSync(initramfsFile, 'latin1')).toContain('another one');
  });

  it('says what is missing', async () => {
    await expect(prepare()).rejects.toThrow("the demo guest's parts are not here");
    setUp();
    rmSync(path.join(guestFolder(), 'root', 'busybox'));
    await expect(prepare()).rejects.toThrow('names a file that is not there');
    writeFileSync(path.join(guestFolder(), 'parts.json'), '{"kernel": 5}');
    await expect(prepare()).rejects.toThrow('has no "kernel"');
  });

  it('tells a QEMU that cannot be started when the symbols must be fetched', async () => {
    setUp();
    rmSync(path.join(guestFolder(), 'kallsyms-6.1.0-test.txt'));
    await expect(prepare()).rejects.toThrow('/nonexistent/qemu');
  });
});

describe('demoBootArguments', () => {
  const guest = {
    kernelFile: '/k',
    kernelVersion: '6',
    initramfsFile: '/i',
    symbolsFile: '/s',
  };

  it('boots without a random base and without the paravirtual APIC page', () => {
    const args = demoBootArguments(guest, { console: { file: '/c' } }).join(' ');
    expect(args).toContain('nokaslr');
    expect(args).toContain('no_timer_check'); // else it panics now and then on a busy host
    expect(args).toContain('apic-common.vapic=off');
    expect(args).toContain('-serial file:/c -kernel /k -initrd /i');
    expect(args).not.toContain('dma_enabled');
  });

  it('can keep the firmware from DMA and the console on the terminal', () => {
    const args = demoBootArguments(guest, { console: 'stdio', firmwareDma: false }).join(' ');
    expect(args).toContain('fw_cfg_io.dma_enabled=off');
    expect(args).toContain('-serial stdio');
  });
});

describe('findKnownSymbols', () => {
  const sha256 = createHash('sha256').update('kernel').digest('hex');

  it('gives the symbols of the kernel that was booted, wherever it was, and the program it ran', async () => {
    setUp();
    const file = path.join(guestFolder(), 'kallsyms-6.1.0-test.txt');
    const program = path.join(guestFolder(), 'root', 'busybox');
    const initramfs = { bytes: 1000, sha256: undefined };
    expect(await findKnownSymbols(cacheFolder, [initramfs, { bytes: 6, sha256 }])).toEqual([
      file,
      program,
    ]);
  });

  it('gives none for another kernel and before set-up, those of the kernel after a demo', async () => {
    const images = [{ bytes: 6, sha256 }];
    expect(await findKnownSymbols(cacheFolder, images)).toEqual([]);
    setUp();
    const other = [{ bytes: 6, sha256: sha256.replace(/^./, 'x') }];
    expect(await findKnownSymbols(cacheFolder, other)).toEqual([]);
    expect(await findKnownSymbols(cacheFolder, [{ bytes: 7, sha256 }])).toEqual([]);
    rmSync(path.join(guestFolder(), 'kallsyms-6.1.0-test.txt'));
    expect(await findKnownSymbols(cacheFolder, images)).toEqual([
      path.join(guestFolder(), 'root', 'busybox'),
    ]);
  });
});
