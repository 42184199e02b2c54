// SPDX-License-Identifier: Apache-2.0
// Names that may be meant by a part of one: those that begin so before those that hold it, short before long.

import type { SymbolTable, SymbolTables } from './symbol-table.ts';

export interface SymbolName {
  readonly name: string;
  /** The kernel module or the program it belongs to, '' for the kernel itself. */
  readonly module: string;
  readonly what: 'code' | 'data';
}

/**
 * At most `limit`, each once however many symbols have it; capitals make no difference. One pass over all names: a few
 * milliseconds for a kernel.
 */
export function namesLike(
  tables: readonly SymbolTables[],
  part: string,
  limit: number,
): SymbolName[] {
  const wanted = part.toLowerCase();
  if (wanted === '') return [];
  const begin = new Map<string, SymbolName>();
  const hold = new Map<string, SymbolName>();
  const look = (name: string, module: string, what: SymbolName['what']): void => {
    const at = name.toLowerCase().indexOf(wanted);
    if (at >= 0) (at === 0 ? begin : hold).set(`${what} ${module} ${name}`, { name, module, what });
  };
  for (const one of tables) {
    lookThrough(one.code, 'code', look);
    lookThrough(one.data, 'data', look);
  }
  return [...inOrder(begin), ...(begin.size < limit ? inOrder(hold) : [])].slice(0, limit);
}

function lookThrough(
  { length, name, module, aliases }: SymbolTable,
  what: SymbolName['what'],
  look: (name: string, module: string, what: SymbolName['what']) => void,
): void {
  for (let row = 0; row < length; row++) look(name[row] ?? '', module[row] ?? '', what);
  for (const alias of aliases) look(alias.name, alias.module, what);
}

function inOrder(names: ReadonlyMap<string, SymbolName>): SymbolName[] {
  return [...names.values()].sort(
    (a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}
