// SPDX-License-Identifier: Apache-2.0
// Addresses x time with names: of `heat` and of the report.

import type { HeatResult, HeatRow } from '../analysis/index.ts';
import { bigintFromU64, formatHex64, u64FromBigint } from '../base/index.ts';
import type { CodeNames } from './code-names.ts';

export type NamedHeatRow = Pick<HeatRow, 'loads' | 'stores'> & {
  readonly address: string;
  /** Symbol of its first byte, or the region; where it spans several regions, these. */
  readonly name: string;
  /** Of the address space: "kernel image"; of the first byte and the last where these differ. */
  readonly region: string;
};

export type HeatFigures = Omit<HeatResult, 'rows'> & { readonly rows: readonly NamedHeatRow[] };

export function heatFigures({ rows, ...heat }: HeatResult, names: CodeNames): HeatFigures {
  return {
    ...heat,
    rows: rows.map(({ addressLo, addressHi, loads, stores }) => {
      const first = names.regionOf(addressLo, addressHi);
      const end = bigintFromU64(addressLo, addressHi) + BigInt(heat.unitBytes);
      const { lo, hi } = u64FromBigint(end - 1n);
      const last = names.regionOf(lo, hi);
      const isOne = first === last;
      const region = isOne ? first : `${first} to ${last}`;
      return {
        address: formatHex64(addressLo, addressHi),
        name: isOne ? names.namePlace(addressLo, addressHi) : region,
        ...{ region, loads, stores },
      };
    }),
  };
}
