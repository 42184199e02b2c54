// SPDX-License-Identifier: Apache-2.0
// What rules and holes apply to, and what a run needs: ranges of QEMU versions, ">=10", "<10", ">=10.1 <11", and
// how vCPUs run, "single" or "multi"; '' is everything.

export interface Target {
  readonly version: { readonly major: number; readonly minor: number };
  readonly thread: 'single' | 'multi';
}

const COMPARISON = /^(>=|<)(\d+)(?:\.(\d+))?$/;

/** Throws Error for a range that is none. */
export function isInRange({ version, thread }: Target, range: string): boolean {
  return range
    .split(' ')
    .filter((word) => word !== '')
    .every((word) => {
      if (word === 'single' || word === 'multi') return word === thread;
      const [, sign, major, minor = '0'] = COMPARISON.exec(word) ?? [];
      if (sign === undefined) throw new Error(`"${range}" is no range of QEMU versions`);
      const isBelow =
        version.major < Number(major) ||
        (version.major === Number(major) && version.minor < Number(minor));
      return isBelow === (sign === '<');
    });
}
