// SPDX-License-Identifier: Apache-2.0
// Names for the addresses of one trace: several sources of symbols, put where the guest had them. Sources that were
// given first win. A source that does not belong to the trace is refused: a wrong name is worse than none.

import {
  assertNever,
  bigintFromU64,
  formatCount,
  formatHex64,
  ModeBit,
  TraceError,
  type U64,
  u64FromBigint,
} from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import {
  addressMapOf,
  type CallTargets,
  findCallTargets,
  findKernelSlide,
  imageFunctions,
  isInImage,
  MIN_TARGETS,
  type SlideVote,
  voteFor,
} from './kernel-slide.ts';
import type { AddressMap } from './linux-regions.ts';
import { findModuleCode } from './module-code.ts';
import { namesLike, type SymbolName } from './name-search.ts';
import { type PlacedProgram, placeProgram } from './place-program.ts';
import type { SymbolSource } from './symbol-file.ts';
import {
  findSymbol,
  type NamedSymbol,
  type RawSymbol,
  type SymbolPlace,
  type SymbolTables,
  slideSymbols,
  symbolsNamed,
  symbolTablesFrom,
} from './symbol-table.ts';

export interface GuestSymbols {
  /** Function of code at this address (halves) in a block of the trace's code table. */
  findCode(block: number, lo: number, hi: number): SymbolPlace | undefined;
  /** What the kernel and its modules have at a virtual address: a function or a variable. */
  findKernel(lo: number, hi: number, what: 'code' | 'data'): SymbolPlace | undefined;
  /**
   * Symbols by name, "schedule" or "main [prog]", where the guest had them; at most `limit`. What was loaded at
   * several addresses is there once for each. Those that only begin so when none has the whole name.
   */
  findNamed(name: string, limit: number): readonly NamedSymbol[];
  /** Names that begin with `part` or hold it, what `isLikely` takes first; at most `limit`. */
  namesLike(
    part: string,
    limit: number,
    isLikely: (name: SymbolName) => boolean,
  ): readonly SymbolName[];
  /** Name of the program given whose code the block is. */
  findProgram(block: number): string | undefined;
  /** What the guest's address space is laid out by: addressMapOf(). */
  readonly addressMap: AddressMap;
  /** What each source came to, in the order in which they were given. */
  readonly findings: readonly SourceFinding[];
}

export type SourceFinding =
  | {
      readonly kind: 'kernel';
      /** How far the kernel is from where its symbols say: address randomisation. */
      readonly slideBytes: number;
      /** Call targets that are functions then; null: too little kernel code in the trace to check. */
      readonly vote: { readonly matched: number; readonly total: number } | null;
      readonly symbols: number;
      /** Symbols of kernel modules of another boot, whose places are not known. */
      readonly droppedModuleSymbols: number;
    }
  | {
      readonly kind: 'module';
      readonly name: string;
      readonly symbols: number;
      /** Blocks of its code that ran, and blocks of other code at its addresses. */
      readonly blocks: number;
      readonly otherBlocks: number;
    }
  | {
      readonly kind: 'program';
      readonly name: string;
      readonly symbols: number;
      /** Where its first byte was. */
      readonly bases: readonly string[];
      readonly blocks: number;
    };

/** Of the kernel or a module. */
interface KernelSymbols {
  readonly tables: SymbolTables;
  /** Whether the block is code that these symbols are of, if it is at an address of theirs. */
  readonly holds: (block: number) => boolean;
}

interface NamedProgram {
  readonly name: string;
  readonly tables: SymbolTables;
  readonly placed: PlacedProgram;
}

export interface NamedSource {
  readonly file: string;
  readonly source: SymbolSource;
}

/**
 * `guesses`: sources that nobody named; those that do not match are left out. Throws TraceError 'bad-argument', with
 * the file's name, for symbols that were named and do not match.
 */
export function placeSymbols(
  code: CodeBlocks,
  named: readonly NamedSource[],
  guesses: readonly NamedSource[] = [],
): GuestSymbols {
  const kernel: KernelSymbols[] = [];
  const programs: NamedProgram[] = [];
  const targets = findCallTargets(code);
  const findings = [...named, ...guesses].flatMap(({ file, source }, index) => {
    try {
      const { finding, kernel: one, program } = placeSource(code, targets, source);
      if (one !== undefined) kernel.push(one);
      if (program !== undefined) programs.push(program);
      return [finding];
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      if (index >= named.length) return [];
      throw error.withFacts({ file });
    }
  });
  const findKernel = (
    lo: number,
    hi: number,
    what: 'code' | 'data',
    block?: number,
  ): SymbolPlace | undefined => {
    for (const { tables, holds } of kernel) {
      if (block !== undefined && !holds(block)) continue;
      const place = findSymbol(tables[what], lo, hi);
      if (place !== undefined) return place;
    }
    return undefined;
  };
  const programOf = (block: number): NamedProgram | undefined =>
    programs.find(({ placed }) => placed.placeOfBlock[block] !== 0);
  return {
    findings,
    addressMap: addressMapOf(code),
    findKernel: (lo, hi, what) => findKernel(lo, hi, what),
    findNamed(text, limit) {
      const [, name = '', module] = /^(.*?)(?: \[(.*)\])?$/.exec(text) ?? [];
      const search = (isWanted: (one: string) => boolean): NamedSymbol[] =>
        [
          ...kernel.flatMap(({ tables }) => symbolsNamed(tables, isWanted, limit)),
          ...programs.flatMap((program) => programSymbols(program, isWanted, limit)),
        ]
          .filter((symbol) => module === undefined || symbol.module === module)
          .slice(0, limit);
      const exact = search((one) => one === name);
      return exact.length > 0 || name === '' ? exact : search((one) => one.startsWith(name));
    },
    namesLike: (part, limit, isLikely) =>
      namesLike(
        [...kernel, ...programs].map(({ tables }) => tables),
        part,
        limit,
        isLikely,
      ),
    findProgram: (block) => programOf(block)?.name,
    findCode(block, lo, hi) {
      const mode = code.mode(block);
      if (mode === undefined || (mode & ModeBit.cpl) === 0)
        return findKernel(lo, hi, 'code', block);
      const program = programOf(block);
      return program === undefined ? undefined : findInProgram(program, block, lo, hi);
    },
  };
}

interface Placed {
  readonly finding: SourceFinding;
  readonly kernel?: KernelSymbols;
  readonly program?: NamedProgram;
}

function placeSource(code: CodeBlocks, targets: CallTargets, source: SymbolSource): Placed {
  switch (source.kind) {
    case 'kernel':
      return placeKernel(source.symbols, source.base, targets);
    case 'module': {
      const { name, symbols, text } = source;
      const { isOfModule, matchedBlocks, otherBlocks } = findModuleCode(code, name, text);
      return {
        finding: {
          ...{ kind: 'module', name, symbols: symbols.length },
          ...{ blocks: matchedBlocks, otherBlocks },
        },
        kernel: { tables: symbolTablesFrom(symbols), holds: (block) => isOfModule[block] === 1 },
      };
    }
    case 'program': {
      const { name, elf, base } = source;
      const given = base === undefined ? undefined : bigintFromU64(base.lo, base.hi);
      const placed = placeProgram(code, elf, given);
      const symbols = elf.symbols.map((symbol) => ({ ...symbol, module: name }));
      const bases = placed.bases.map((address) => {
        const { lo, hi } = u64FromBigint(address);
        return formatHex64(lo, hi);
      });
      return {
        finding: {
          ...{ kind: 'program', name, symbols: symbols.length, bases },
          blocks: placed.matchedBlocks,
        },
        program: { name, tables: symbolTablesFrom(symbols), placed },
      };
    }
    default:
      return assertNever(source);
  }
}

function placeKernel(
  symbols: readonly RawSymbol[],
  base: U64 | undefined,
  targets: CallTargets,
): Placed {
  const own = symbols.filter((symbol) => symbol.module === '' && isInImage(symbol));
  const functions = imageFunctions(own, targets);
  const found =
    base === undefined
      ? findKernelSlide(targets, functions)
      : voteFor(targets, functions, slideFromBase(own, base));
  if (found !== undefined && !found.isMatch) throw mismatch(found, base !== undefined);
  const slideBytes = found?.slideBytes ?? 0;
  const modules = symbols.filter(({ module }) => module !== '');
  const isSameBoot = slideBytes === 0 && areModulesThere(modules, targets);
  const placed = [
    ...(slideBytes === 0 ? own : slideSymbols(own, slideBytes)),
    ...(isSameBoot ? modules : []),
  ];
  return {
    finding: {
      ...{ kind: 'kernel', slideBytes, symbols: placed.length },
      vote: found === undefined ? null : { matched: found.matched, total: found.total },
      droppedModuleSymbols: isSameBoot ? 0 : modules.length,
    },
    kernel: { tables: symbolTablesFrom(placed), holds: () => true },
  };
}

/** Of calls into modules' code that must lead to functions: init code that was there before had calls, too. */
const MODULES_PART = 0.5;

/** Each boot may load modules in another order, even a kernel that is where it was linked to be. */
function areModulesThere(modules: readonly RawSymbol[], { hi, modulesLo }: CallTargets): boolean {
  const { code } = symbolTablesFrom(modules);
  const places = [...modulesLo].flatMap((lo) => findSymbol(code, lo, hi) ?? []);
  const matched = places.filter(({ offset }) => offset === 0).length;
  return places.length < MIN_TARGETS || matched >= MODULES_PART * places.length;
}

/** A kernel's code begins with its lowest function. */
function slideFromBase(own: readonly RawSymbol[], base: U64): number {
  const lowest = own
    .filter(({ isCode }) => isCode)
    .map(({ addressLo, addressHi }) => bigintFromU64(addressLo, addressHi))
    .reduce((a, b) => (b < a ? b : a), 2n ** 64n);
  return Number(bigintFromU64(base.lo, base.hi) - lowest);
}

function mismatch({ matched, total }: SlideVote, wasGiven: boolean): TraceError {
  const where = wasGiven ? 'at that address' : 'wherever the kernel is put';
  return new TraceError('bad-argument', 'symbols do not match the kernel in the trace', {
    expected: `functions at nearly all ${formatCount(total)} call targets`,
    found: `${formatCount(matched)}, ${where}`,
    remedy: 'System.map, vmlinux or /proc/kallsyms of the very kernel that ran',
  });
}

function programSymbols(
  { tables, placed }: NamedProgram,
  isWanted: (name: string) => boolean,
  limit: number,
): NamedSymbol[] {
  return symbolsNamed(tables, isWanted, limit).flatMap((symbol) =>
    placed.biases.map((bias) => {
      const inFile = bigintFromU64(symbol.address.lo, symbol.address.hi);
      return { ...symbol, address: u64FromBigint(BigInt.asUintN(64, inFile + bias)) };
    }),
  );
}

function findInProgram(
  { name, tables, placed }: NamedProgram,
  block: number,
  lo: number,
  hi: number,
): SymbolPlace {
  const bias = placed.biases[(placed.placeOfBlock[block] ?? 0) - 1] ?? 0n;
  const inFile = BigInt.asUintN(64, bigintFromU64(lo, hi) - bias);
  const address = u64FromBigint(inFile);
  return (
    findSymbol(tables.code, address.lo, address.hi) ?? {
      ...{ name: '', module: name },
      offset: Number(inFile),
    }
  );
}
