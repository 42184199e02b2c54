// SPDX-License-Identifier: Apache-2.0
// Addresses x time with names: of `heat` and of the report.

import type { HeatResult, HeatRow } from '../analysis/index.ts';
import { formatHex64 } from '../base/index.ts';
import type { CodeNames } from './code-names.ts';

export type NamedHeatRow = Pick<HeatRow, 'loads' | 'stores'> & {
  readonly address: string;
  /** Symbol of its first byte, or the region. */
  readonly name: string;
  /** Of the address space: "kernel image". */
  readonly region: string;
};

export type HeatFigures = Omit<HeatResult, 'rows'> & { readonly rows: readonly NamedHeatRow[] };

export function heatFigures({ rows, ...heat }: HeatResult, names: CodeNames): HeatFigures {
  return {
    ...heat,
    rows: rows.map(({ addressLo, addressHi, loads, stores }) => ({
      address: formatHex64(addressLo, addressHi),
      name: names.namePlace(addressLo, addressHi),
      region: names.regionOf(addressLo, addressHi),
      loads,
      stores,
    })),
  };
}
