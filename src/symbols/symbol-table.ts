// SPDX-License-Identifier: Apache-2.0
// Names of guest addresses. A table is sorted columns; a symbol reaches from its address to the next one's.

/** Columns sorted by address; several names of one address are one row. */
export interface SymbolTable {
  readonly length: number;
  readonly addressLo: Uint32Array;
  readonly addressHi: Uint32Array;
  readonly name: readonly string[];
  /** The kernel module the symbol belongs to, '' for the kernel itself. */
  readonly module: readonly string[];
}

export interface RawSymbol {
  readonly addressLo: number;
  readonly addressHi: number;
  readonly name: string;
  readonly module: string;
  /** The lowest rank names the address when several symbols share it. */
  readonly rank: number;
}

/** Nothing in a kernel is larger; an address further behind the last symbol before it has no name. */
const SYMBOL_LIMIT_BYTES = 2 * 2 ** 20;

export function symbolTableFrom(symbols: readonly RawSymbol[]): SymbolTable {
  const sorted = symbols
    .map((symbol, index) => ({ symbol, index }))
    .sort(
      (a, b) =>
        a.symbol.addressHi - b.symbol.addressHi ||
        a.symbol.addressLo - b.symbol.addressLo ||
        a.symbol.rank - b.symbol.rank ||
        a.index - b.index,
    )
    .map(({ symbol }) => symbol)
    .filter(
      (symbol, index, all) =>
        index === 0 ||
        symbol.addressLo !== all[index - 1]?.addressLo ||
        symbol.addressHi !== all[index - 1]?.addressHi,
    );
  return {
    length: sorted.length,
    addressLo: Uint32Array.from(sorted, (symbol) => symbol.addressLo),
    addressHi: Uint32Array.from(sorted, (symbol) => symbol.addressHi),
    name: sorted.map((symbol) => symbol.name),
    module: sorted.map((symbol) => symbol.module),
  };
}

/** Row of the symbol that holds the address (its halves, unsigned); -1 for none. */
function findSymbolRow(table: SymbolTable, lo: number, hi: number): number {
  const { addressLo, addressHi } = table;
  const wantedLo = lo >>> 0;
  const wantedHi = hi >>> 0;
  let begin = 0;
  let end = table.length;
  while (begin < end) {
    const middle = (begin + end) >>> 1;
    const middleHi = addressHi[middle] ?? 0;
    const isAbove =
      middleHi > wantedHi || (middleHi === wantedHi && (addressLo[middle] ?? 0) > wantedLo);
    if (isAbove) end = middle;
    else begin = middle + 1;
  }
  const row = begin - 1;
  if (row < 0) return -1;
  const distance =
    (wantedHi - (addressHi[row] ?? 0)) * 2 ** 32 + (wantedLo - (addressLo[row] ?? 0));
  return distance < SYMBOL_LIMIT_BYTES ? row : -1;
}

/** "schedule", "nf_hook [nf_tables]"; undefined for an address without a symbol. */
export function findSymbolName(table: SymbolTable, lo: number, hi: number): string | undefined {
  const row = findSymbolRow(table, lo, hi);
  if (row < 0) return undefined;
  const module = table.module[row] ?? '';
  return module === '' ? table.name[row] : `${table.name[row]} [${module}]`;
}
