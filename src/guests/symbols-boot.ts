// SPDX-License-Identifier: Apache-2.0
// Fetches /proc/kallsyms of the demo kernel by a boot of its own, which is neither measured nor recorded:
// the symbols leave through the second serial port, which takes seconds. The text is kept beside the kernel
// under the kernel's version.

import { spawn } from 'node:child_process';
import { access, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ExitCode, UserError } from '../base/index.ts';
import type { GuestParts } from './guest-parts.ts';
import { encodeInitramfs, SYMBOLS_SCRIPT } from './initramfs.ts';
import { KERNEL_COMMAND_LINE } from './kernel-command-line.ts';

export interface SymbolsRequest {
  readonly parts: GuestParts;
  readonly busybox: Uint8Array;
  readonly qemuPath: string;
  readonly onProgress?: (what: string) => void;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 120_000;
/** A kernel without this symbol is not one; a text without it was cut. */
const EXPECTED_SYMBOL = / [Tt] start_kernel$/m;

/** Path of the symbols file. Throws UserError 'environment' when the guest does not hand it out. */
export async function fetchKernelSymbols(request: SymbolsRequest): Promise<string> {
  const { parts } = request;
  const symbolsFile = symbolsFileOf(parts);
  if (await isThere(symbolsFile)) return symbolsFile;
  request.onProgress?.(`fetching the symbols of kernel ${parts.kernelVersion}, once`);

  const folder = await mkdtemp(path.join(os.tmpdir(), 'loadstore-symbols-'));
  try {
    const text = await bootForSymbols(request, folder);
    await writeFile(`${symbolsFile}.unfinished`, text);
    await rename(`${symbolsFile}.unfinished`, symbolsFile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return symbolsFile;
}

/** Where the symbols are when they were fetched. */
export function symbolsFileOf(parts: GuestParts): string {
  return path.join(parts.folder, `kallsyms-${parts.kernelVersion}.txt`);
}

async function bootForSymbols(request: SymbolsRequest, folder: string): Promise<string> {
  const initramfs = path.join(folder, 'initramfs.cpio');
  const consoleFile = path.join(folder, 'console.txt');
  const sentFile = path.join(folder, 'kallsyms.gz');
  await writeFile(initramfs, encodeInitramfs(request.busybox, SYMBOLS_SCRIPT));
  const said = await runQemu(request, [
    ...['-accel', 'tcg', '-m', '256M', '-display', 'none', '-nodefaults', '-no-reboot'],
    ...['-serial', `file:${consoleFile}`, '-serial', `file:${sentFile}`],
    ...['-kernel', request.parts.kernelFile, '-initrd', initramfs],
    ...['-append', `${KERNEL_COMMAND_LINE} quiet`],
  ]);
  try {
    const text = gunzipSync(await readFile(sentFile)).toString('latin1');
    if (EXPECTED_SYMBOL.test(text)) return text;
    throw new Error('no start_kernel in it');
  } catch (error) {
    const consoleText = await readFile(consoleFile, 'latin1').catch(() => '');
    const tail = [said, consoleText].join('\n').trim().split('\n').slice(-8).join('\n');
    throw new UserError(
      ExitCode.environment,
      `the guest did not hand out its symbols; the last it said:\n${tail}`,
      `boot it by hand: ${request.qemuPath} -kernel ${request.parts.kernelFile}`,
      error,
    );
  }
}

/** What QEMU wrote to stderr; the guest's files tell whether it worked. */
async function runQemu(request: SymbolsRequest, args: readonly string[]): Promise<string> {
  const child = spawn(request.qemuPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  let said = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      resolve();
    });
  });
  return said;
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
