// SPDX-License-Identifier: Apache-2.0
// Names that may be meant by a part of one: the likely before others, those that begin so before those that hold it,
// short before long.

import type { SymbolTable, SymbolTables } from './symbol-table.ts';

export interface SymbolName {
  readonly name: string;
  /** The kernel module or the program it belongs to, '' for the kernel itself. */
  readonly module: string;
  readonly what: 'code' | 'data';
  /** Places there are told by this name: another one when several share the address. */
  readonly placeName: string;
}

/**
 * At most `limit`, each once however many symbols have it; capitals make no difference. The very name is first, then
 * what `isLikely` takes. One pass over all names: some milliseconds for a kernel.
 */
export function namesLike(
  tables: readonly SymbolTables[],
  part: string,
  limit: number,
  isLikely: (name: SymbolName) => boolean = () => true,
): SymbolName[] {
  const wanted = part.toLowerCase();
  if (wanted === '') return [];
  const found = new Map<string, { readonly symbol: SymbolName; readonly rank: number }>();
  const look = (symbol: SymbolName): void => {
    const { name, module, what } = symbol;
    const at = name.toLowerCase().indexOf(wanted);
    if (at < 0) return;
    const rank = name === part ? 0 : (isLikely(symbol) ? 1 : 3) + (at === 0 ? 0 : 1);
    const key = `${what} ${module} ${name}`;
    if (rank < (found.get(key)?.rank ?? 5)) found.set(key, { symbol, rank });
  };
  for (const one of tables) {
    lookThrough(one.code, 'code', look);
    lookThrough(one.data, 'data', look);
  }
  return [...found.values()]
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        a.symbol.name.length - b.symbol.name.length ||
        (a.symbol.name < b.symbol.name ? -1 : 1),
    )
    .slice(0, limit)
    .map(({ symbol }) => symbol);
}

function lookThrough(
  { length, name, module, aliases }: SymbolTable,
  what: SymbolName['what'],
  look: (symbol: SymbolName) => void,
): void {
  for (let row = 0; row < length; row++) {
    const own = name[row] ?? '';
    look({ name: own, module: module[row] ?? '', what, placeName: own });
  }
  for (const alias of aliases) {
    look({ name: alias.name, module: alias.module, what, placeName: name[alias.row] ?? '' });
  }
}
