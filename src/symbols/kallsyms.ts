// SPDX-License-Identifier: Apache-2.0
// Reads the text of /proc/kallsyms and of System.map: one symbol a line, "address type name", with
// "[module]" behind the name when it is not the kernel's own.

import { TraceError } from '../base/index.ts';
import { type RawSymbol, type SymbolTable, symbolTableFrom } from './symbol-table.ts';

export type SymbolSelection = 'code' | 'data' | 'all';

const CODE_TYPES = 'TtWw';
/** Addresses of A are offsets into per-CPU areas or plain numbers. */
const SKIPPED_TYPES = 'AaUNn?';
/** Marks of the linker, which share their address with a function. */
const MARKER = /^_+.*(?:_start|_end|_begin|text)$/;

/**
 * A table of the chosen symbols. Throws TraceError 'bad-argument' for a text that is not a symbol list or
 * whose addresses are hidden.
 */
export function parseKallsyms(text: string, selection: SymbolSelection = 'all'): SymbolTable {
  const symbols: RawSymbol[] = [];
  let lineNumber = 0;
  let visibleCount = 0;
  for (const line of text.split('\n')) {
    lineNumber++;
    if (line === '') continue;
    const match = /^([0-9a-f]{1,16}) (\S) (\S+)(?:\s+\[([^\]]+)\])?\s*$/i.exec(line);
    if (match === null) {
      throw new TraceError('bad-argument', `line ${lineNumber} is not a symbol`, {
        expected: 'address, type, name',
        found: JSON.stringify(line.slice(0, 60)),
      });
    }
    const [, digits = '', type = '', name = '', module = ''] = match;
    const padded = digits.padStart(16, '0');
    const addressHi = Number.parseInt(padded.slice(0, 8), 16);
    const addressLo = Number.parseInt(padded.slice(8), 16);
    if (addressHi !== 0 || addressLo !== 0) visibleCount++;
    if (!isWanted(type, selection)) continue;
    symbols.push({ addressLo, addressHi, name, module, rank: rankOf(type, name) });
  }
  if (lineNumber > 1 && visibleCount === 0) {
    throw new TraceError('bad-argument', 'all addresses are 0', {
      remedy: 'read /proc/kallsyms as root, with kernel.kptr_restrict=0',
    });
  }
  return symbolTableFrom(symbols);
}

function isWanted(type: string, selection: SymbolSelection): boolean {
  if (SKIPPED_TYPES.includes(type)) return false;
  return selection === 'all' || CODE_TYPES.includes(type) === (selection === 'code');
}

function rankOf(type: string, name: string): number {
  if (MARKER.test(name)) return 3;
  if (type === 'W' || type === 'w') return 2;
  return type === type.toUpperCase() ? 0 : 1;
}
