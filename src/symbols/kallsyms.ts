// SPDX-License-Identifier: Apache-2.0
// Reads the text of /proc/kallsyms and of System.map: one symbol a line, "address type name", with
// "[module]" behind the name when it is not the kernel's own.

import { compare64, TraceError } from '../base/index.ts';
import { type RawSymbol, rankSymbol } from './symbol-table.ts';

const CODE_TYPES = 'TtWw';
/** Addresses of A are offsets into per-CPU areas or plain numbers. */
const SKIPPED_TYPES = 'AaUNn?';

/** Throws TraceError 'bad-argument' for a text that is not a symbol list or whose addresses are hidden. */
export function parseKallsyms(text: string): RawSymbol[] {
  const symbols: RawSymbol[] = [];
  let lineNumber = 0;
  let hasVisible = false;
  for (let begin = 0; begin < text.length; ) {
    const newline = text.indexOf('\n', begin);
    const end = newline < 0 ? text.length : newline;
    lineNumber++;
    if (end > begin) {
      const symbol = parseLine(text, begin, end, lineNumber);
      if (symbol.addressHi !== 0 || symbol.addressLo !== 0) hasVisible = true;
      if (!SKIPPED_TYPES.includes(symbol.type)) symbols.push(symbol);
    }
    begin = end + 1;
  }
  if (lineNumber > 0 && !hasVisible) {
    throw new TraceError('bad-argument', 'all addresses are 0', {
      remedy: 'read /proc/kallsyms as root, with kernel.kptr_restrict=0',
    });
  }
  return endModules(symbols);
}

const PAGE_BYTES = 4096;

/**
 * A module's code fills its last page alone, and what lies behind may be of another, or what its init code was: the last
 * function reaches to the end of its page, not to the next module.
 */
function endModules(symbols: readonly RawSymbol[]): RawSymbol[] {
  const code = symbols
    .filter(({ isCode, addressHi, addressLo }) => isCode && (addressHi !== 0 || addressLo !== 0))
    .toSorted((a, b) => compare64(a.addressLo, a.addressHi, b.addressLo, b.addressHi));
  const last = new Set<RawSymbol>();
  let next: RawSymbol | undefined;
  for (const symbol of code.reverse()) {
    const isAlias = next?.addressLo === symbol.addressLo && next.addressHi === symbol.addressHi;
    const isLast = isAlias ? next !== undefined && last.has(next) : next?.module !== symbol.module;
    if (symbol.module !== '' && isLast) last.add(symbol);
    next = symbol;
  }
  return symbols.map((symbol) =>
    last.has(symbol)
      ? { ...symbol, sizeBytes: PAGE_BYTES - (symbol.addressLo % PAGE_BYTES) }
      : symbol,
  );
}

interface LineSymbol extends RawSymbol {
  readonly type: string;
}

const DIGITS = /^[0-9a-f]{1,16}$/i;
/** /boot/System.map of Debian's kernels. */
const DEBIAN_PLACEHOLDER = /^The real System\.map is in /;
const NAME = /^(\S+)(?:\s+\[([^\]]+)\])?\s*$/;

function parseLine(text: string, begin: number, end: number, lineNumber: number): LineSymbol {
  const space = text.indexOf(' ', begin);
  const digits = text.slice(begin, space);
  const type = text.charAt(space + 1);
  const rest = text.slice(space + 3, end);
  const isSound =
    space > begin && space + 3 < end && text.charAt(space + 2) === ' ' && DIGITS.test(digits);
  const match = isSound ? NAME.exec(rest) : null;
  if (match === null && isSound && DEBIAN_PLACEHOLDER.test(rest)) {
    throw new TraceError('bad-argument', 'the file stands for a System.map that is elsewhere', {
      found: rest,
      remedy: "the one of that package, or a copy of the guest's /proc/kallsyms",
    });
  }
  if (match === null) {
    throw new TraceError('bad-argument', `line ${lineNumber} is not a symbol`, {
      expected: 'address, type, name',
      remedy: 'a System.map, a copy of /proc/kallsyms, or an ELF file such as vmlinux',
      found: JSON.stringify(text.slice(begin, Math.min(end, begin + 80))),
    });
  }
  const [, name = '', module = ''] = match;
  const split = Math.max(0, digits.length - 8);
  return {
    type,
    addressLo: Number.parseInt(digits.slice(split), 16),
    addressHi: split === 0 ? 0 : Number.parseInt(digits.slice(0, split), 16),
    sizeBytes: 0,
    name,
    module,
    isCode: CODE_TYPES.includes(type),
    rank: rankSymbol(bindingOf(type), name),
  };
}

function bindingOf(type: string): 'global' | 'local' | 'weak' {
  if (type === 'W' || type === 'w') return 'weak';
  return type === type.toUpperCase() ? 'global' : 'local';
}
