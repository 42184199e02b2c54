// SPDX-License-Identifier: Apache-2.0
// The demo guest, ready to boot: Debian's cloud kernel with a busybox initramfs that works for a moment and
// powers off. The same files give the same boot, up to interrupt timing.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { requireGuestParts } from './guest-parts.ts';
import { encodeInitramfs, WORK_SCRIPT } from './initramfs.ts';
import { KERNEL_COMMAND_LINE } from './kernel-command-line.ts';
import { fetchKernelSymbols } from './symbols-boot.ts';

export interface DemoGuest {
  readonly kernelFile: string;
  readonly kernelVersion: string;
  readonly initramfsFile: string;
  /** Text of the guest's /proc/kallsyms; addresses hold for boots with `nokaslr`, as these are. */
  readonly symbolsFile: string;
}

export interface DemoGuestRequest {
  readonly cacheFolder: string;
  /** Runs the separate boot that fetches the symbols, when they are not in the cache yet. */
  readonly qemuPath: string;
  readonly onProgress?: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** The line the guest prints on its console when all its work ran. */
export const DEMO_DONE_LINE = 'guest: done';

/** How the path of the demo's initramfs ends, which tells a demo's trace. */
export const DEMO_INITRAMFS = 'demo-guest/initramfs.cpio';

/** Builds what is missing. Throws UserError 'environment' when set-up has not run or the guest does not boot. */
export async function prepareDemoGuest(request: DemoGuestRequest): Promise<DemoGuest> {
  const parts = await requireGuestParts(request.cacheFolder);
  const busybox = await readFile(parts.busyboxFile);
  const initramfsFile = path.join(parts.folder, path.basename(DEMO_INITRAMFS));
  await writeWhenDifferent(initramfsFile, encodeInitramfs(busybox, WORK_SCRIPT));
  const symbolsFile = await fetchKernelSymbols({ ...request, parts, busybox });
  return {
    kernelFile: parts.kernelFile,
    kernelVersion: parts.kernelVersion,
    initramfsFile,
    symbolsFile,
  };
}

export interface DemoBootOptions {
  /** Where the guest's console goes: a file, or this terminal. */
  readonly console: { readonly file: string } | 'stdio';
  /**
   * Off: the firmware reads kernel and initramfs byte by byte, so that no byte reaches guest memory
   * by DMA. Costs 0.8 s of a 2.2 s boot, therefore on unless asked for.
   */
  readonly firmwareDma?: boolean;
}

/**
 * QEMU arguments of the boot. The kernel is not randomised (symbols hold), the paravirtual APIC page is
 * off (QEMU would patch guest memory behind the trace's back).
 */
export function demoBootArguments(guest: DemoGuest, options: DemoBootOptions): string[] {
  const serial = options.console === 'stdio' ? 'stdio' : `file:${options.console.file}`;
  return [
    ...guestMachineArguments(),
    ...(options.firmwareDma === false ? ['-global', 'fw_cfg_io.dma_enabled=off'] : []),
    ...['-serial', serial],
    ...['-kernel', guest.kernelFile, '-initrd', guest.initramfsFile],
    ...['-append', KERNEL_COMMAND_LINE],
  ];
}

function guestMachineArguments(): string[] {
  return [
    ...['-m', '256M', '-display', 'none', '-nodefaults', '-no-reboot'],
    ...['-global', 'apic-common.vapic=off'],
  ];
}

async function writeWhenDifferent(file: string, content: Uint8Array): Promise<void> {
  try {
    if ((await readFile(file)).equals(content)) return;
  } catch {
    // Not there yet.
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.unfinished`, content);
  await rename(`${file}.unfinished`, file);
}
