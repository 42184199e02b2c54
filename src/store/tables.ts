// SPDX-License-Identifier: Apache-2.0
// The small tables: columns, and rows made from what the reader has in memory or in notes, or from one reading of the trace.

import {
  BIGINT,
  BOOLEAN,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { SpacePlace } from '../analysis/index.ts';
import { ModeBit } from '../base/index.ts';
import {
  isDelivered,
  type NoteName,
  nameOfEvent,
  nameOfNote,
  placeOfEvent,
  type Trace,
  type TraceNote,
  vcpuOfNote,
} from '../format/index.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: DuckDBType;
  readonly meaning: string;
}

export type Row = readonly DuckDBValue[];

export interface Table {
  readonly name: string;
  readonly meaning: string;
  readonly columns: readonly TableColumn[];
  /** In the order of the columns. */
  readonly rows: (
    trace: Trace,
    names: DatabaseNames,
    findSpaces: () => Promise<readonly DatabaseSpace[]>,
  ) => AsyncIterable<Row> | Iterable<Row>;
}

/** What is known of code beyond its bytes. */
export interface DatabaseNames {
  /**
   * Whose the instructions of a block are, in their order: those of most blocks are all of one function, and a block
   * that runs over a symbol has a stretch of each. None for the delivery of an event.
   */
  functionsOf(block: number): readonly FunctionStretch[];
  /** Mnemonic and text of each instruction. */
  instructionsOf(block: number): readonly { readonly mnemonic: string; readonly text: string }[];
}

/** Instructions up to the next stretch, or the block's end. */
export interface FunctionStretch {
  readonly firstInsn: number;
  /** Undefined without a symbol. */
  readonly found: CodeFunction | undefined;
}

export interface CodeFunction {
  /** With its module or program, where it has one: "nf_hook [nf_tables]". */
  readonly name: string;
  readonly module: string;
  /** Of its first instruction. */
  readonly address: bigint;
}

/** An address space, as the command of that name has it; addresses as "0x1000". */
export interface DatabaseSpace {
  readonly number: number;
  readonly cr3: string;
  readonly userCr3: string | null;
  readonly cr3Values: readonly string[];
  readonly accesses: number;
  readonly userAccesses: number;
  readonly first: SpacePlace;
  readonly last: SpacePlace;
  /** The one with the most accesses is first. */
  readonly programs: readonly { readonly name: string; readonly accesses: number }[];
}

const U64_MAX = 2n ** 64n - 1n;

export const ADDRESS_SPACES = 'address_spaces';

export const SMALL_TABLES: readonly Table[] = [
  {
    name: 'blocks',
    meaning: 'code that QEMU translated as one unit',
    columns: [
      { name: 'block', type: UINTEGER, meaning: 'id' },
      { name: 'vaddr', type: UBIGINT, meaning: 'linear address of the first instruction' },
      { name: 'instructions', type: USMALLINT, meaning: 'how many; 0: delivery of an event' },
      { name: 'bytes', type: USMALLINT, meaning: 'bytes of code' },
      { name: 'bits', type: UTINYINT, meaning: '16, 32 or 64; null when not known' },
      { name: 'cpl', type: UTINYINT, meaning: 'privilege; null when not known' },
      {
        name: 'function',
        type: VARCHAR,
        meaning: 'of the first instruction; null without symbols',
      },
    ],
    *rows({ code }, names) {
      for (let block = 0; block < code.blockCount; block++) {
        const mode = code.mode(block);
        yield [
          block,
          code.vaddr(block),
          code.insnCount(block),
          code.bytes(block).length,
          mode === undefined ? null : bitsOf(mode),
          mode === undefined ? null : mode & ModeBit.cpl,
          names.functionsOf(block)[0]?.found?.name ?? null,
        ];
      }
    },
  },
  {
    name: 'instructions',
    meaning:
      'instructions of the blocks, which overlap: one pc is in several; join accesses on (block, insn)',
    columns: [
      { name: 'block', type: UINTEGER, meaning: 'row of blocks' },
      { name: 'insn', type: USMALLINT, meaning: 'place in the block, from 0' },
      { name: 'pc', type: UBIGINT, meaning: 'linear address' },
      { name: 'bytes', type: VARCHAR, meaning: 'machine code, hexadecimal' },
      { name: 'mnemonic', type: VARCHAR, meaning: 'Intel syntax' },
      { name: 'text', type: VARCHAR, meaning: 'disassembly, Intel syntax' },
      { name: 'function', type: VARCHAR, meaning: 'null without symbols' },
    ],
    *rows({ code }, names) {
      for (let block = 0; block < code.blockCount; block++) {
        const vaddr = code.vaddr(block);
        const bytes = code.bytes(block);
        const offsets = code.insnOffsets(block);
        const texts = names.instructionsOf(block);
        const stretches = names.functionsOf(block);
        let stretch = 0;
        for (const [insn, offset] of offsets.entries()) {
          if (stretches[stretch + 1]?.firstInsn === insn) stretch++;
          yield [
            block,
            insn,
            (vaddr + BigInt(offset)) & U64_MAX,
            hexOf(bytes.subarray(offset, offsets[insn + 1])),
            texts[insn]?.mnemonic ?? null,
            texts[insn]?.text ?? null,
            stretches[stretch]?.found?.name ?? null,
          ];
        }
      }
    },
  },
  {
    name: 'functions',
    meaning: 'functions whose code ran, by symbols; empty without',
    columns: [
      { name: 'name', type: VARCHAR, meaning: 'as in the column function of accesses' },
      { name: 'module', type: VARCHAR, meaning: 'kernel module or program, empty for the kernel' },
      { name: 'address', type: UBIGINT, meaning: 'of its first instruction' },
      {
        name: 'blocks',
        type: UINTEGER,
        meaning: 'how many of blocks begin in it; others may run into it',
      },
    ],
    *rows({ code }, names) {
      const blocks = new Map<string, { readonly found: CodeFunction; count: number }>();
      for (let block = 0; block < code.blockCount; block++) {
        for (const { firstInsn, found } of names.functionsOf(block)) {
          if (found === undefined) continue;
          const key = `${found.name} ${found.address}`;
          const entry = blocks.get(key) ?? { found, count: 0 };
          if (firstInsn === 0) entry.count++;
          blocks.set(key, entry);
        }
      }
      for (const { found, count } of blocks.values()) {
        yield [found.name, found.module, found.address, count];
      }
    },
  },
  {
    name: 'chunks',
    meaning: 'parts of the file that decode alone',
    columns: [
      { name: 'chunk', type: UINTEGER, meaning: 'position in the file' },
      { name: 'stream', type: USMALLINT, meaning: 'vCPU thread' },
      { name: 'first_ordinal', type: UBIGINT, meaning: 'of its first access' },
      { name: 'accesses', type: UINTEGER, meaning: 'aborted ones included' },
      { name: 'loads', type: UINTEGER, meaning: '' },
      { name: 'stores', type: UINTEGER, meaning: '' },
      { name: 'user_accesses', type: UINTEGER, meaning: 'at CPL 3' },
      { name: 'blocks', type: UINTEGER, meaning: 'block executions' },
      { name: 'instructions', type: BIGINT, meaning: 'completed' },
      { name: 'events', type: UINTEGER, meaning: 'interrupts and exceptions' },
      { name: 'host_begin_ns', type: UBIGINT, meaning: 'since recording began' },
      { name: 'host_end_ns', type: UBIGINT, meaning: 'since recording began' },
      { name: 'bytes', type: UINTEGER, meaning: 'in the file' },
    ],
    *rows({ chunks }) {
      for (const chunk of chunks) {
        yield [
          chunk.chunkIndex,
          chunk.stream,
          BigInt(chunk.firstOrdinal),
          chunk.accessCount,
          chunk.loads,
          chunk.stores,
          chunk.userAccesses,
          chunk.blockCount,
          BigInt(chunk.instructionCount),
          chunk.events,
          BigInt(chunk.hostBeginNs),
          BigInt(chunk.hostEndNs),
          chunk.payloadBytes,
        ];
      }
    },
  },
  {
    name: 'events',
    meaning: 'interrupts, exceptions, port I/O, writes of CR3, pauses',
    columns: [
      { name: 'ordinal', type: UBIGINT, meaning: 'of the access that it stands before' },
      { name: 'stream', type: USMALLINT, meaning: 'vCPU thread' },
      { name: 'vcpu', type: USMALLINT, meaning: 'null when it cannot be known' },
      {
        name: 'kind',
        type: VARCHAR,
        meaning:
          'exception, interrupt, software-interrupt, smm-enter, smm-leave, reset, restored, guest-exit, in, out, cr3, vcpu, gap',
      },
      { name: 'vector', type: UTINYINT, meaning: 'of interrupts and exceptions' },
      { name: 'error', type: UBIGINT, meaning: 'error code of exceptions' },
      { name: 'ip', type: UBIGINT, meaning: 'linear address of the instruction to return to' },
      { name: 'address', type: UBIGINT, meaning: 'of a page fault' },
      {
        name: 'delivered',
        type: BOOLEAN,
        meaning: 'the accesses of its delivery are in the trace',
      },
      { name: 'port', type: USMALLINT, meaning: 'of in and out' },
      { name: 'size', type: UTINYINT, meaning: 'bytes, of in and out' },
      { name: 'value', type: UBIGINT, meaning: 'of in and out, cr3, vcpu; ns of gap' },
    ],
    async *rows(trace) {
      const kinds: readonly NoteName[] = ['event', 'port', 'cr3', 'vcpu', 'gap'];
      for await (const note of trace.notes({ kinds })) {
        yield [BigInt(note.ordinal), note.stream, vcpuOfNote(note) ?? null, ...eventCells(note)];
      }
    },
  },
  {
    name: ADDRESS_SPACES,
    meaning:
      'page tables that CR3 named, as the command address-spaces has them: one filled anew is another one; takes a reading of the trace',
    columns: [
      { name: 'number', type: UINTEGER, meaning: 'from 1, in the order of first use' },
      {
        name: 'cr3',
        type: UBIGINT,
        meaning: 'of the page table; the kernel’s where there are two',
      },
      { name: 'user_cr3', type: UBIGINT, meaning: 'of user code’s own table; null: there is none' },
      {
        name: 'cr3_values',
        type: LIST(UBIGINT),
        meaning: 'as in the column cr3 of accesses: of both, with process-context identifiers',
      },
      {
        name: 'from_ordinal',
        type: UBIGINT,
        meaning: 'accesses with one of cr3_values are its own from this ordinal',
      },
      {
        name: 'to_ordinal',
        type: UBIGINT,
        meaning: 'to this one; all of them where vCPU threads have ordinals of their own',
      },
      {
        name: 'program',
        type: VARCHAR,
        meaning:
          'recognised by its code, the one with the most accesses here; null: none that is known',
      },
      { name: 'program_accesses', type: UBIGINT, meaning: 'of user_accesses, by its code' },
      { name: 'accesses', type: UBIGINT, meaning: 'without aborted ones' },
      { name: 'user_accesses', type: UBIGINT, meaning: 'at CPL 3' },
      { name: 'first_vcpu', type: USMALLINT, meaning: 'of its first access' },
      { name: 'first_icount', type: UBIGINT, meaning: 'of that vCPU' },
      { name: 'last_vcpu', type: USMALLINT, meaning: 'of its last access' },
      { name: 'last_icount', type: UBIGINT, meaning: 'of that vCPU' },
    ],
    async *rows(trace, _names, findSpaces) {
      const hasOrder = trace.capabilities['global-order'].status === 'yes';
      const ends = trace.chunks.map(({ firstOrdinal, accessCount }) => firstOrdinal + accessCount);
      const end = ends.reduce((a, b) => Math.max(a, b), 0);
      for (const space of await findSpaces()) {
        const { first, last } = space;
        const [program] = space.programs;
        yield [
          space.number,
          BigInt(space.cr3),
          space.userCr3 === null ? null : BigInt(space.userCr3),
          listValue(space.cr3Values.map(BigInt)),
          BigInt(hasOrder ? first.ordinal : 0),
          BigInt(hasOrder ? last.ordinal : end - 1),
          program?.name ?? null,
          program === undefined ? null : BigInt(program.accesses),
          BigInt(space.accesses),
          BigInt(space.userAccesses),
          first.vcpu,
          BigInt(first.icount),
          last.vcpu,
          BigInt(last.icount),
        ];
      }
    },
  },
];

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bitsOf(mode: number): number {
  if ((mode & ModeBit.cs64) !== 0) return 64;
  return (mode & ModeBit.cs32) === 0 ? 16 : 32;
}

const VECTOR_PAGE_FAULT = 14;

/** kind, vector, error, ip, address, delivered, port, size, value */
function eventCells(note: TraceNote): readonly DuckDBValue[] {
  switch (note.kind) {
    case 'event': {
      const name = nameOfEvent(note);
      const isException = name === 'exception';
      const hasVector = isException || name.endsWith('interrupt');
      return [
        name,
        hasVector ? note.vector : null,
        isException ? note.error : null,
        placeOfEvent(note) ?? null,
        isException && note.vector === VECTOR_PAGE_FAULT ? note.cr2 : null,
        isDelivered(note),
        ...[null, null, null],
      ];
    }
    case 'port': {
      const { port, size, value } = note;
      const cells = [port ?? null, size, value === undefined ? null : BigInt(value)];
      return [nameOfNote(note), null, null, null, null, null, ...cells];
    }
    case 'cr3':
      return ['cr3', ...nothing(7), note.cr3];
    case 'vcpu':
      return ['vcpu', ...nothing(7), BigInt(note.next)];
    case 'gap':
      return ['gap', ...nothing(7), note.hostNs];
    default:
      throw new Error(`internal: no row for a note of kind ${note.kind}`);
  }
}

function nothing(count: number): readonly null[] {
  return Array.from({ length: count }, () => null);
}

export interface View {
  readonly name: string;
  readonly meaning: string;
  readonly sql: string;
}

/** Over accesses: it reads all of them. */
export const VIEWS: readonly View[] = [
  {
    name: 'pages',
    meaning: 'pages of 4 KiB by virtual address: loads, stores, first and last icount',
    sql: `select vaddr >> 12 << 12 as page, count(*) filter (kind = 'load') as loads,
count(*) filter (kind = 'store') as stores, min(icount) as first_icount, max(icount) as last_icount
from accesses where vaddr is not null group by page`,
  },
];
