// SPDX-License-Identifier: Apache-2.0
// Boots a QEMU as far as its firmware can take it: SeaBIOS loads a boot sector from a floppy image,
// the boot sector ends QEMU through the isa-debug-exit device with a number of ours.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CACHE_FOLDER } from './run-command.mjs';

const ANSWER = 0x2a;
// mov al, ANSWER; mov dx, 0xf4; out dx, al; hlt; jmp to the hlt
const BOOT_CODE = [0xb0, ANSWER, 0xba, 0xf4, 0x00, 0xee, 0xf4, 0xeb, 0xfd];

/**
 * @param {string} qemu
 * @returns {string | undefined} what went wrong; undefined when it booted
 */
export function findBootProblem(qemu) {
  const image = path.join(CACHE_FOLDER, 'probe-boot.img');
  mkdirSync(CACHE_FOLDER, { recursive: true });
  const floppy = Buffer.alloc(1440 * 1024);
  floppy.set(BOOT_CODE, 0);
  floppy.set([0x55, 0xaa], 510);
  writeFileSync(image, floppy);
  const result = spawnSync(
    qemu,
    [
      ...['-nodefaults', '-display', 'none', '-no-reboot', '-accel', 'tcg', '-m', '32'],
      ...['-drive', `if=floppy,format=raw,readonly=on,file=${image}`],
      ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 },
  );
  // The device ends QEMU with twice the number written, plus one.
  if (result.status === ANSWER * 2 + 1) return undefined;
  return `exit code ${result.status ?? result.signal}: ${result.stderr.trim()}`;
}
