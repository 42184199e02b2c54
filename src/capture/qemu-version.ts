// SPDX-License-Identifier: Apache-2.0
// What a QEMU version means for a recorder.

export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  /** "10.0.2". */
  readonly text: string;
}

/** Reads what `qemu-system-x86_64 --version` prints; undefined when it is not that. */
export function parseQemuVersion(printed: string): QemuVersion | undefined {
  const match = /QEMU emulator version (\d+)\.(\d+)(?:\.(\d+))?/.exec(printed);
  if (match === null) return undefined;
  const [, major, minor, patch] = match;
  return {
    major: Number(major),
    minor: Number(minor),
    text: [major, minor, patch ?? '0'].join('.'),
  };
}

export function isAtLeast(version: QemuVersion, major: number, minor = 0): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/**
 * The plugin API version to claim: the newest that this QEMU accepts. QEMU refuses a plugin outside
 * its own window, and the windows of 7.2, 10.0 and 11.1 do not overlap.
 */
export function pluginApiOf(version: QemuVersion): number {
  if (isAtLeast(version, 11, 1)) return 7;
  if (isAtLeast(version, 11)) return 6;
  if (isAtLeast(version, 10, 1)) return 5;
  if (isAtLeast(version, 9, 2)) return 4;
  if (isAtLeast(version, 9, 1)) return 3;
  if (isAtLeast(version, 9)) return 2;
  return 1;
}

/** From here on the plugin can read registers, hence CPL, mode and address space of each access. */
export const GOOD_API = 4;
