// SPDX-License-Identifier: Apache-2.0
// The columns of the table `accesses`: what each needs of a batch, and its bytes as DuckDB holds them.

import type { ColumnName } from '../format/index.ts';

/** How DuckDB holds a column: little-endian elements; an enumeration is the number of its word. */
export type ColumnKind = 'u64' | 'u32' | 'u16' | 'u8' | 'bool' | 'enum8' | 'enum16' | 'enum32';

export interface ScanColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly meaning: string;
  readonly needs: readonly ColumnName[];
  /** What enumerations are of; `function` gets its words from the symbols. */
  readonly words?: readonly string[];
}

const KIND_WORDS: readonly string[] = ['load', 'store'];
/** By the bits of AccessFlag.origin. */
const ORIGIN_WORDS: readonly string[] = ['instruction', 'event-delivery', 'page-walk'];

/** `words`: names of functions, when there are symbols. */
export function accessColumns(words: readonly string[]): readonly ScanColumn[] {
  return [
    {
      name: 'ordinal',
      kind: 'u64',
      meaning: 'position in its stream, from 0',
      needs: ['ordinal'],
    },
    { name: 'stream', kind: 'u16', meaning: 'vCPU thread that recorded it', needs: [] },
    { name: 'vcpu', kind: 'u16', meaning: 'vCPU that made it', needs: ['vcpu'] },
    {
      name: 'icount',
      kind: 'u64',
      meaning: 'instructions its vCPU had completed before',
      needs: ['icount'],
    },
    {
      name: 'pc',
      kind: 'u64',
      meaning: 'linear address of the instruction; of an event, where it was taken',
      needs: ['pc'],
    },
    {
      name: 'vaddr',
      kind: 'u64',
      meaning: 'linear address of the first byte; null when it was made by physical address',
      needs: ['vaddr', 'flags'],
    },
    {
      name: 'paddr',
      kind: 'u64',
      meaning: 'guest-physical address of the first byte; null when not known',
      needs: ['paddr', 'flags'],
    },
    { name: 'size', kind: 'u8', meaning: 'bytes', needs: ['size'] },
    { name: 'kind', kind: 'enum8', meaning: 'load or store', needs: ['flags'], words: KIND_WORDS },
    {
      name: 'origin',
      kind: 'enum8',
      meaning:
        'who made it: instruction, event-delivery or page-walk; all but instruction are reconstructed',
      needs: ['flags'],
      words: ORIGIN_WORDS,
    },
    { name: 'cpl', kind: 'u8', meaning: 'privilege, 0 to 3; null when not known', needs: ['cpl'] },
    { name: 'cr3', kind: 'u64', meaning: 'CR3, the address space', needs: ['cr3'] },
    { name: 'device', kind: 'bool', meaning: 'it went to a device', needs: ['flags'] },
    { name: 'block', kind: 'u32', meaning: 'row of blocks', needs: ['block'] },
    { name: 'insn', kind: 'u16', meaning: 'instruction in its block, from 0', needs: ['insn'] },
    {
      name: 'function',
      kind: words.length <= 2 ** 8 ? 'enum8' : words.length <= 2 ** 16 ? 'enum16' : 'enum32',
      meaning: 'function of the instruction; null without symbols',
      needs: ['block', 'insn'],
      words,
    },
  ];
}

export const ELEMENT_BYTES: Readonly<Record<ColumnKind, number>> = {
  u64: 8,
  u32: 4,
  u16: 2,
  u8: 1,
  bool: 1,
  enum8: 1,
  enum16: 2,
  enum32: 4,
};

/** In columns that hold numbers of words: none. */
export const NO_WORD = 0xffff_ffff;
