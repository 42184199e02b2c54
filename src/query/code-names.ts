// SPDX-License-Identifier: Apache-2.0
// What to call the code and the pages of one trace.

import { add64, bigintFromU64, type U64, u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';
import {
  type CpuMode,
  cpuModeOfHflags,
  formatInstruction,
  nameInstruction,
  usualMode,
} from '../isa/index.ts';
import {
  formatSymbol,
  formatSymbolPlace,
  type GuestSymbols,
  nameCode,
  nameRegion,
} from '../symbols/index.ts';

export interface CodeNames {
  readonly hasSymbols: boolean;
  addressOf(block: number, insn: number): U64;
  /** Symbol of the function that the instruction belongs to; undefined without one. */
  functionOf(block: number, insn: number): string | undefined;
  /** The function, else who runs the code: "(user programs)". */
  nameOf(block: number, insn: number): string;
  /** "mov", "rep stos"; "(event delivery)" where no instruction is. */
  mnemonicOf(block: number, insn: number): string;
  /** Disassembly; "(event delivery)" where no instruction is. */
  textOf(block: number, insn: number): string;
  /** Symbol of an address of data, and how far behind its beginning it is; else the region of the address space. */
  namePlace(lo: number, hi: number): string;
  /** Region of the address space: "kernel image", "direct map". */
  regionOf(lo: number, hi: number): string;
}

const DELIVERY = '(event delivery)';

export function codeNames(code: CodeTable, symbols: GuestSymbols): CodeNames {
  const offsetsOf = lastOf((block: number) => code.insnOffsets(block));
  const fallbackOf = lastOf((block: number) => nameCode(code, symbols, block));
  const bytesOf = (block: number, insn: number): Uint8Array => {
    const offsets = offsetsOf(block);
    return code.bytes(block).subarray(offsets[insn], offsets[insn + 1]);
  };
  const addressOf = (block: number, insn: number): U64 => {
    const { lo, hi } = u64FromBigint(code.vaddr(block));
    return add64(lo, hi, offsetsOf(block)[insn] ?? 0, 0);
  };
  const functionOf = (block: number, insn: number): string | undefined => {
    if (isDelivery(code, block)) return undefined;
    const { lo, hi } = addressOf(block, insn);
    const place = symbols.findCode(block, lo, hi);
    return place === undefined ? undefined : formatSymbol(place);
  };
  const regionOf = (lo: number, hi: number): string => nameRegion(lo, hi, symbols.addressMap);
  const mnemonics = new Map<string, string>();
  return {
    hasSymbols: symbols.findings.length > 0,
    addressOf,
    functionOf,
    nameOf: (block, insn) => functionOf(block, insn) ?? fallbackOf(block),
    mnemonicOf(block, insn) {
      if (isDelivery(code, block)) return DELIVERY;
      const bytes = bytesOf(block, insn);
      const mode = modeOf(code, block);
      const key = `${mode.codeBits} ${String.fromCharCode(...bytes)}`;
      const known = mnemonics.get(key) ?? nameInstruction(bytes, mode);
      mnemonics.set(key, known);
      return known;
    },
    textOf(block, insn) {
      if (isDelivery(code, block)) return DELIVERY;
      const { lo, hi } = addressOf(block, insn);
      const vaddr = bigintFromU64(lo, hi);
      return formatInstruction(bytesOf(block, insn), modeOf(code, block), vaddr);
    },
    namePlace(lo, hi) {
      const place = symbols.findKernel(lo, hi, 'data') ?? symbols.findKernel(lo, hi, 'code');
      if (place === undefined) return regionOf(lo, hi);
      return place.offset === 0 ? formatSymbol(place) : formatSymbolPlace(place);
    },
    regionOf,
  };
}

function isDelivery(code: CodeTable, block: number): boolean {
  return code.insnCount(block) === 0;
}

/** Of code whose mode is not known the address tells most. */
function modeOf(code: CodeTable, block: number): CpuMode {
  const mode = code.mode(block);
  return mode === undefined ? usualMode(64) : cpuModeOfHflags(mode);
}

/** Blocks are asked for instruction by instruction: the last answer is the next one's. */
function lastOf<T>(ask: (block: number) => T): (block: number) => T {
  let last: { readonly block: number; readonly answer: T } | undefined;
  return (block) => {
    if (last?.block !== block) last = { block, answer: ask(block) };
    return last.answer;
  };
}
