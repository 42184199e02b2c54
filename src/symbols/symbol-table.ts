// SPDX-License-Identifier: Apache-2.0
// Names of guest addresses. A table is sorted columns; a symbol reaches as far as it says, else to the next
// one's address.

import { add64, partitionPoint, type U64 } from '../base/index.ts';

/** Columns sorted by address; several names of one address are one row. */
export interface SymbolTable {
  readonly length: number;
  readonly addressLo: Uint32Array;
  readonly addressHi: Uint32Array;
  /** 0: not known, up to the next symbol. */
  readonly sizeBytes: Uint32Array;
  readonly name: readonly string[];
  /** The kernel module or the program the symbol belongs to, '' for the kernel itself. */
  readonly module: readonly string[];
  /** Other names of the rows: memcpy of __memcpy. */
  readonly aliases: readonly Alias[];
}

export interface Alias {
  readonly name: string;
  readonly module: string;
  readonly row: number;
}

export interface RawSymbol {
  readonly addressLo: number;
  readonly addressHi: number;
  /** 0: not known. */
  readonly sizeBytes: number;
  readonly name: string;
  readonly module: string;
  readonly isCode: boolean;
  /** The lowest rank names the address when several symbols share it. */
  readonly rank: number;
}

/** What names code and what names data: a function and a variable are never asked for in one breath. */
export interface SymbolTables {
  readonly code: SymbolTable;
  readonly data: SymbolTable;
}

export interface SymbolPlace {
  readonly name: string;
  /** The kernel module or the program it belongs to, '' for the kernel itself. */
  readonly module: string;
  /** Bytes from the symbol's address. */
  readonly offset: number;
}

/** Nothing in a kernel is larger; an address further behind the last symbol before it has no name. */
const SYMBOL_LIMIT_BYTES = 2 * 2 ** 20;

/** Marks of linkers and assemblers, which share their address with a function. */
const MARKER = /(?:_start|_end|_begin|text)$/;

/** Global before local before weak before the linker's marks. */
export function rankSymbol(binding: 'global' | 'local' | 'weak', name: string): number {
  if (name.startsWith('_') && MARKER.test(name)) return 3;
  return { global: 0, local: 1, weak: 2 }[binding];
}

export function symbolTablesFrom(symbols: readonly RawSymbol[]): SymbolTables {
  return {
    code: symbolTableFrom(symbols.filter(({ isCode }) => isCode)),
    data: symbolTableFrom(symbols.filter(({ isCode }) => !isCode)),
  };
}

function symbolTableFrom(symbols: readonly RawSymbol[]): SymbolTable {
  // The sort keeps the order of equals. Symbol lists are sorted, as good as.
  const rows = symbols.toSorted(
    (a, b) => a.addressHi - b.addressHi || a.addressLo - b.addressLo || a.rank - b.rank,
  );
  const aliases: Alias[] = [];
  let length = 0;
  for (const row of rows) {
    const last = rows[length - 1];
    const isSame = row.addressLo === last?.addressLo && row.addressHi === last.addressHi;
    if (!isSame || length === 0) rows[length++] = row;
    else if (row.name !== last.name || row.module !== last.module) {
      aliases.push({ name: row.name, module: row.module, row: length - 1 });
    }
  }
  rows.length = length;
  return {
    length,
    addressLo: Uint32Array.from(rows, (symbol) => symbol.addressLo),
    addressHi: Uint32Array.from(rows, (symbol) => symbol.addressHi),
    sizeBytes: Uint32Array.from(rows, (symbol) => symbol.sizeBytes),
    name: rows.map((symbol) => symbol.name),
    module: rows.map((symbol) => symbol.module),
    aliases,
  };
}

/** The same symbols, each `slideBytes` (a whole number, may be negative) higher. */
export function slideSymbols(symbols: readonly RawSymbol[], slideBytes: number): RawSymbol[] {
  const slideHi = Math.floor(slideBytes / 2 ** 32) >>> 0;
  return symbols.map((symbol) => {
    const { lo, hi } = add64(symbol.addressLo, symbol.addressHi, slideBytes >>> 0, slideHi);
    return { ...symbol, addressLo: lo, addressHi: hi };
  });
}

/** The symbol that holds the address (its halves); undefined for none. */
export function findSymbol(table: SymbolTable, lo: number, hi: number): SymbolPlace | undefined {
  const { addressLo, addressHi } = table;
  const wantedLo = lo >>> 0;
  const wantedHi = hi >>> 0;
  const isNotAbove = (row: number): boolean => {
    const rowHi = addressHi[row] ?? 0;
    return rowHi < wantedHi || (rowHi === wantedHi && (addressLo[row] ?? 0) <= wantedLo);
  };
  const row = partitionPoint(table.length, isNotAbove) - 1;
  if (row < 0) return undefined;
  const offset = (wantedHi - (addressHi[row] ?? 0)) * 2 ** 32 + (wantedLo - (addressLo[row] ?? 0));
  const known = table.sizeBytes[row] ?? 0;
  if (offset >= (known === 0 ? SYMBOL_LIMIT_BYTES : known)) return undefined;
  return { name: table.name[row] ?? '', module: table.module[row] ?? '', offset };
}

/** A symbol with its place. */
export interface NamedSymbol {
  readonly name: string;
  /** The kernel module or the program it belongs to, '' for the kernel itself. */
  readonly module: string;
  readonly what: 'code' | 'data';
  readonly address: U64;
  /** Up to the next symbol when it does not say; 0 for the last one. */
  readonly sizeBytes: number;
}

/** All of the tables whose name the test takes, code before data, aliases last; at most `limit`. */
export function symbolsNamed(
  tables: SymbolTables,
  isWanted: (name: string) => boolean,
  limit: number,
): NamedSymbol[] {
  const found: NamedSymbol[] = [];
  for (const what of ['code', 'data'] as const) {
    const table = tables[what];
    for (let row = 0; row < table.length && found.length < limit; row++) {
      const name = table.name[row] ?? '';
      if (isWanted(name)) found.push(named(table, row, what, name, table.module[row] ?? ''));
    }
    for (const { row, name, module } of table.aliases) {
      if (found.length >= limit) break;
      if (isWanted(name)) found.push(named(table, row, what, name, module));
    }
  }
  return found;
}

function named(
  { addressLo, addressHi, sizeBytes }: SymbolTable,
  row: number,
  what: NamedSymbol['what'],
  name: string,
  module: string,
): NamedSymbol {
  const [lo, hi] = [addressLo[row] ?? 0, addressHi[row] ?? 0];
  const [nextLo, nextHi] = [addressLo[row + 1] ?? lo, addressHi[row + 1] ?? hi];
  const upToNext = (nextHi - hi) * 2 ** 32 + (nextLo - lo);
  return {
    ...{ name, module, what, address: { lo, hi } },
    sizeBytes: sizeBytes[row] || Math.min(upToNext, SYMBOL_LIMIT_BYTES),
  };
}

/** "schedule", "nf_hook [nf_tables]"; "[busybox]" for a program whose symbols were stripped. */
export function formatSymbol({ name, module }: SymbolPlace): string {
  return [name, ...(module === '' ? [] : [`[${module}]`])].filter((part) => part !== '').join(' ');
}

/** "schedule+0x1a", "nf_hook+0x0 [nf_tables]", "[busybox]+0x1234". */
export function formatSymbolPlace({ name, module, offset }: SymbolPlace): string {
  const distance = `+0x${offset.toString(16)}`;
  if (name === '') return `[${module}]${distance}`;
  return module === '' ? `${name}${distance}` : `${name}${distance} [${module}]`;
}
