// SPDX-License-Identifier: Apache-2.0
// The demo guest's file system: busybox, links to it, and an init script that does a few seconds of real
// user work and powers off. Not compressed: the same bytes whatever zlib is at hand, and the guest spends its
// time on its own work.

import { type CpioEntry, encodeCpio } from './cpio.ts';

const APPLETS = [
  'sh',
  'awk',
  'cat',
  'find',
  'grep',
  'gzip',
  'ls',
  'mount',
  'poweroff',
  'sha256sum',
  'sort',
  'stty',
  'uniq',
  'wc',
] as const;

const MOUNTS = `mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
`;

/** What runs in the recorded boot. The last line before power-off tells that all of it ran. */
export const WORK_SCRIPT: string = `#!/bin/sh
${MOUNTS}echo "guest: up"
sha256sum /bin/busybox
ls -l /bin /dev | sort | gzip -c | sha256sum
find /sys -type d | awk -F/ '{ n[$3]++ } END { for (k in n) print n[k], k }' | sort -rn
cat /proc/meminfo /proc/interrupts | grep -c .
echo "guest: done"
poweroff -f
`;

/**
 * What runs in the separate boot that fetches the kernel's symbols through the second serial port:
 * compressed, since a byte through that port costs more than making it smaller.
 */
export const SYMBOLS_SCRIPT: string = `#!/bin/sh
${MOUNTS}stty -F /dev/ttyS1 raw
gzip -c /proc/kallsyms > /dev/ttyS1
echo "guest: symbols sent"
poweroff -f
`;

/**
 * The initramfs as an uncompressed newc archive. `busybox` is a static x86-64 executable, `init` a shell script; `files`
 * by their names in the root folder.
 */
export function encodeInitramfs(
  busybox: Uint8Array,
  init: string,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): Uint8Array {
  const folders = ['bin', 'dev', 'proc', 'sys', 'tmp'].map(
    (path): CpioEntry => ({ kind: 'folder', path }),
  );
  const links = APPLETS.map(
    (name): CpioEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' }),
  );
  return encodeCpio([
    ...folders,
    { kind: 'character-device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', content: busybox, mode: 0o755 },
    ...links,
    { kind: 'file', path: 'init', content: new TextEncoder().encode(init), mode: 0o755 },
    ...[...files].map(([path, content]): CpioEntry => ({ kind: 'file', path, content })),
  ]);
}
