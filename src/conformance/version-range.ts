// SPDX-License-Identifier: Apache-2.0
// Ranges of QEMU versions: ">=10", "<10", ">=10.1 <11"; '' is all of them.

export interface Version {
  readonly major: number;
  readonly minor: number;
}

const COMPARISON = /^(>=|<)(\d+)(?:\.(\d+))?$/;

/** Throws Error for a range that is none. */
export function isInRange(version: Version, range: string): boolean {
  return range
    .split(' ')
    .filter((word) => word !== '')
    .every((word) => {
      const [, sign, major, minor = '0'] = COMPARISON.exec(word) ?? [];
      if (sign === undefined) throw new Error(`"${range}" is no range of QEMU versions`);
      const isBelow =
        version.major < Number(major) ||
        (version.major === Number(major) && version.minor < Number(minor));
      return isBelow === (sign === '<');
    });
}
