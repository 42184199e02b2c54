// SPDX-License-Identifier: Apache-2.0
// A file of symbols of whatever kind, told by its first bytes: a kernel's symbol list, an ELF file of the kernel, of
// one of its modules, of a program.

import { add64, parseHex64, TraceError, type U64 } from '../base/index.ts';
import { decodeElf, type ElfFile, type ElfSection, type ElfSymbol, isElf } from './elf.ts';
import { parseKallsyms } from './kallsyms.ts';
import { byteUses, type ModuleText } from './module-code.ts';
import type { RawSymbol } from './symbol-table.ts';

export type SymbolSource =
  | {
      readonly kind: 'kernel';
      readonly symbols: readonly RawSymbol[];
      /** Where the first byte of its code is, when that was said. */
      readonly base: U64 | undefined;
    }
  | {
      readonly kind: 'module';
      readonly name: string;
      /** At their addresses in the guest. */
      readonly symbols: readonly RawSymbol[];
      readonly text: readonly ModuleText[];
    }
  | {
      readonly kind: 'program';
      readonly name: string;
      readonly elf: ElfFile;
      /** Where its first byte is, when that was said. */
      readonly base: U64 | undefined;
    };

/** Addresses in the guest: of the file, or of single sections of a kernel module. */
export interface SymbolPlacement {
  readonly base?: U64;
  readonly sections?: ReadonlyMap<string, U64>;
}

const KERNEL_ENTRY = 'start_kernel';

/** What is often given instead, and what to do. */
const OTHER_FILES: readonly (readonly [what: string, remedy: string, ...head: number[]])[] = [
  ['compressed (gzip)', 'unpack it first', 0x1f, 0x8b],
  ['compressed (xz)', 'unpack it first', 0xfd, 0x37, 0x7a],
  ['compressed (zstd)', 'unpack it first', 0x28, 0xb5, 0x2f, 0xfd],
  ['a kernel to boot, which has no symbols', 'its System.map, vmlinux or kallsyms', 0x4d, 0x5a],
];

/**
 * `name` is the file's name without its folder. Throws TraceError 'bad-argument' for a file without symbols that
 * help.
 */
export function decodeSymbolFile(
  bytes: Uint8Array,
  name: string,
  placement: SymbolPlacement = {},
): SymbolSource {
  if (isElf(bytes)) return sourceFromElf(decodeElf(bytes), name, placement);
  const other = OTHER_FILES.find(([, , ...head]) => head.every((byte, at) => bytes[at] === byte));
  if (other !== undefined) {
    throw new TraceError('bad-argument', `it is ${other[0]}`, { remedy: other[1] });
  }
  if (bytes.subarray(0, 4096).includes(0)) {
    throw new TraceError('bad-argument', 'it is neither a symbol list nor an ELF file');
  }
  const symbols = parseKallsyms(new TextDecoder('latin1').decode(bytes));
  return kernelSource(symbols, placement);
}

function kernelSource(
  symbols: readonly RawSymbol[],
  { base, sections }: SymbolPlacement,
): SymbolSource {
  if (sections !== undefined) throw sectionsOfModulesOnly();
  if (!symbols.some(({ name, isCode }) => isCode && name === KERNEL_ENTRY)) {
    throw new TraceError('bad-argument', 'it has no symbols of a Linux kernel', {
      expected: `${KERNEL_ENTRY} among them`,
      found: `${symbols.length} symbols`,
    });
  }
  return { kind: 'kernel', symbols, base };
}

function sourceFromElf(elf: ElfFile, fileName: string, placement: SymbolPlacement): SymbolSource {
  const { base, sections } = placement;
  if (elf.type === 'relocatable') return moduleSource(elf, fileName, placement);
  if (elf.symbols.some(({ name, isCode }) => isCode && name === KERNEL_ENTRY)) {
    return kernelSource(elf.symbols, placement);
  }
  if (sections !== undefined) throw sectionsOfModulesOnly();
  return { kind: 'program', name: fileName, elf, base };
}

function sectionsOfModulesOnly(): TraceError {
  return new TraceError('bad-argument', 'addresses of sections are for kernel modules only', {
    remedy: 'FILE@ADDRESS',
  });
}

function moduleSource(elf: ElfFile, fileName: string, placement: SymbolPlacement): SymbolSource {
  const places = placement.sections ?? layOutText(elf.sections, placement.base);
  const isPlaced = ({ section }: ElfSymbol): boolean =>
    places.has(elf.sections[section]?.name ?? '');
  const name = fileName.replace(/\.ko$/, '').replaceAll('-', '_');
  const missing = [...places.keys()].find(
    (wanted) => !elf.sections.some((section) => section.name === wanted),
  );
  if (missing !== undefined) {
    throw new TraceError('bad-argument', `it has no section ${missing}`, {
      expected: elf.sections
        .filter(({ isAllocated }) => isAllocated)
        .map((section) => section.name)
        .join(', '),
    });
  }
  const symbols = elf.symbols.filter(isPlaced).map((symbol) => {
    const begin = places.get(elf.sections[symbol.section]?.name ?? '') ?? { lo: 0, hi: 0 };
    const { lo, hi } = add64(symbol.addressLo, symbol.addressHi, begin.lo, begin.hi);
    return { ...symbol, addressLo: lo, addressHi: hi, module: name };
  });
  if (symbols.length === 0) throw noSymbols();
  const usesOf = byteUses(elf);
  const text = elf.sections.flatMap(({ name: wanted, content }, index) => {
    const [begin, uses] = [places.get(wanted), usesOf.get(index)];
    return begin === undefined || uses === undefined ? [] : [{ begin, content, uses }];
  });
  return { kind: 'module', name, symbols, text };
}

function noSymbols(): TraceError {
  return new TraceError('bad-argument', 'it has no symbols: it was stripped', {
    remedy: 'the file as it was built, or its separate file of debugging symbols',
  });
}

/**
 * Where Linux puts the code of a module that begins at `base` (/proc/modules): the sections with code, in the order
 * of the file, each aligned as it asks; those that are freed after init lie elsewhere (kernel/module/main.c).
 */
function layOutText(sections: readonly ElfSection[], base: U64 | undefined): Map<string, U64> {
  if (base === undefined) {
    throw new TraceError('bad-argument', 'where this kernel module was loaded is not said', {
      remedy: 'FILE@ADDRESS, the address from /proc/modules; or FILE@.text=ADDRESS,.data=ADDRESS',
    });
  }
  const places = new Map<string, U64>();
  let offset = 0;
  for (const section of sections) {
    const { name, alignBytes, sizeBytes, isAllocated, isExecutable } = section;
    if (!isAllocated || !isExecutable || name.startsWith('.init')) continue;
    const align = Math.max(1, alignBytes);
    offset = Math.ceil(offset / align) * align;
    places.set(name, add64(base.lo, base.hi, offset >>> 0, Math.floor(offset / 2 ** 32)));
    offset += sizeBytes;
  }
  return places;
}

/**
 * "vmlinux", "prog@0x555555554000", "nf_tables.ko@.text=0xffffffffc0001000,.data=0xffffffffc0008000". An @ that no
 * address follows belongs to the file's name.
 */
export function parseSymbolArgument(text: string): { file: string; placement: SymbolPlacement } {
  const match = /^(.+)@([^@/]+)$/.exec(text);
  const [, file = '', place = ''] = match ?? [];
  const base = /^(?:0x[0-9a-f]{1,16}|[0-9a-f]{8,16})$/i.test(place) ? parseHex64(place) : undefined;
  if (base !== undefined) return { file, placement: { base } };
  if (!place.startsWith('.')) return { file: text, placement: {} };
  const sections = new Map<string, U64>();
  for (const part of place.split(',')) {
    const [name = '', digits = ''] = part.split('=');
    const address = parseHex64(digits);
    if (address === undefined) {
      throw new TraceError('bad-argument', '--symbols: a section has no address', {
        expected: 'FILE@.text=0xffffffffc0001000,.data=0xffffffffc0008000',
        found: part,
      });
    }
    sections.set(name, address);
  }
  return { file, placement: { sections } };
}
