// SPDX-License-Identifier: Apache-2.0
// Puts together the accesses of a stretch that were chosen: columns are copied into memory of their own, which
// the next stretch overwrites.

import { halves } from '../base/index.ts';
import type { Crossings, MappingColumns } from '../format/index.ts';
import type { AccessColumns, PlacedNote, RunColumns } from './access-columns.ts';

/** Copies the chosen rows of a stretch; `chosen` is ascending. Block executions and notes keep their places. */
export interface Gatherer {
  gather(batch: AccessColumns, chosen: Uint32Array, runs: RunColumns | undefined): AccessColumns;
}

/** Where the chosen rows go. */
export interface ColumnMemory {
  wide(name: string, length: number): BigUint64Array;
  numbers(name: string, length: number): Float64Array;
  words(name: string, length: number): Uint32Array;
  shorts(name: string, length: number): Uint16Array;
  bytes(name: string, length: number): Uint8Array;
  /** Block executions as they are to be kept, without what their shapes tell of accesses that are left out. */
  keepRuns(runs: RunColumns): RunColumns;
  /** Mappings as they are to be kept. */
  keepMappings(mappings: MappingColumns): MappingColumns;
}

/** Block executions that may have lost accesses. */
function withoutShapes(runs: RunColumns): RunColumns {
  return { ...runs, shape: new Uint32Array(runs.length) };
}

/** The same memory for each stretch, as large as was ever needed. */
function reusedMemory(): ColumnMemory {
  return {
    wide: roomOf((length) => new BigUint64Array(length)),
    numbers: roomOf((length) => new Float64Array(length)),
    words: roomOf((length) => new Uint32Array(length)),
    shorts: roomOf((length) => new Uint16Array(length)),
    bytes: roomOf((length) => new Uint8Array(length)),
    keepRuns: withoutShapes,
    keepMappings: (mappings) => mappings,
  };
}

function roomOf<C extends { readonly length: number; subarray(begin: number, end: number): C }>(
  make: (length: number) => C,
): (name: string, length: number) => C {
  const held = new Map<string, C>();
  return (name, length) => {
    let found = held.get(name);
    if (found === undefined || found.length < length) {
      found = make(length);
      held.set(name, found);
    }
    return found.subarray(0, length);
  };
}

/** Memory that other threads can see, cut from slabs. */
export interface SharedMemory extends ColumnMemory {
  /** The slabs that were cut from since the last call; nothing more is cut from them. */
  takeUsed(): readonly SharedArrayBuffer[];
  /** They may be cut from again: fresh ones would have to be cleared by the system first. */
  giveBack(slabs: readonly SharedArrayBuffer[]): void;
}

export function sharedMemory(): SharedMemory {
  const free: SharedArrayBuffer[] = [];
  let inUse: SharedArrayBuffer[] = [];
  let slab = new SharedArrayBuffer(0);
  let used = 0;
  const place = (sizeBytes: number): number => {
    const aligned = Math.ceil(sizeBytes / 8) * 8;
    if (used + aligned > slab.byteLength) {
      const held = aligned <= SLAB_BYTES ? free.pop() : undefined;
      slab = held ?? new SharedArrayBuffer(Math.max(SLAB_BYTES, aligned));
      inUse.push(slab);
      used = 0;
    }
    used += aligned;
    return used - aligned;
  };
  const memory: SharedMemory = {
    takeUsed() {
      const taken = inUse;
      inUse = [];
      slab = new SharedArrayBuffer(0);
      used = 0;
      return taken;
    },
    giveBack(slabs) {
      free.push(...slabs.filter(({ byteLength }) => byteLength === SLAB_BYTES));
    },
    wide: (_name, length) => {
      const at = place(length * 8);
      return new BigUint64Array(slab, at, length);
    },
    numbers: (_name, length) => {
      const at = place(length * 8);
      return new Float64Array(slab, at, length);
    },
    words: (_name, length) => {
      const at = place(length * 4);
      return new Uint32Array(slab, at, length);
    },
    shorts: (_name, length) => {
      const at = place(length * 2);
      return new Uint16Array(slab, at, length);
    },
    bytes: (_name, length) => {
      const at = place(length);
      return new Uint8Array(slab, at, length);
    },
    keepRuns(runs) {
      if (kept.runs !== runs) {
        const copy = {
          length: runs.length,
          firstBlock: runs.firstBlock,
          block: memory.words('', runs.length),
          executed: memory.shorts('', runs.length),
          vcpu: memory.shorts('', runs.length),
          icount: memory.wide('', runs.length),
          firstAccess: runs.firstAccess,
          continues: memory.bytes('', runs.length),
          shape: memory.words('', runs.length),
        };
        copy.block.set(runs.block);
        copy.executed.set(runs.executed);
        copy.vcpu.set(runs.vcpu);
        copy.icount.set(runs.icount);
        copy.continues.set(runs.continues);
        copy.shape.fill(0);
        kept = { runs, copy };
      }
      return kept.copy ?? runs;
    },
    keepMappings(mappings) {
      if (keptMappings === undefined || keptMappings.of !== mappings) {
        const { length } = mappings;
        const copy = {
          length,
          kind: copied(memory.bytes('', length), mappings.kind),
          index: mappings.index,
          runIndex: copied(memory.words('', length), mappings.runIndex),
          vpage: copied(memory.wide('', length), mappings.vpage),
          ppage: copied(memory.wide('', length), mappings.ppage),
          attributes: copied(memory.shorts('', length), mappings.attributes),
        };
        keptMappings = { of: mappings, copy };
      }
      return keptMappings.copy;
    },
  };
  // All shards of a stretch share one copy.
  let kept: { readonly runs?: RunColumns; readonly copy?: RunColumns } = {};
  let keptMappings: { readonly of: MappingColumns; readonly copy: MappingColumns } | undefined;
  return memory;
}

const SLAB_BYTES = 2 ** 22;

// One function for each type of column: a shared one would be compiled for all types at once, and be slow.

function copyWide(to: BigUint64Array, from: BigUint64Array, chosen: Uint32Array): BigUint64Array {
  const source = halves(from);
  const target = halves(to);
  for (let i = 0; i < chosen.length; i++) {
    const at = 2 * chosen[i];
    target[2 * i] = source[at];
    target[2 * i + 1] = source[at + 1];
  }
  return to;
}

function copyNumbers(to: Float64Array, from: Float64Array, chosen: Uint32Array): Float64Array {
  for (let i = 0; i < chosen.length; i++) to[i] = from[chosen[i]];
  return to;
}

function copyWords(to: Uint32Array, from: Uint32Array, chosen: Uint32Array): Uint32Array {
  for (let i = 0; i < chosen.length; i++) to[i] = from[chosen[i]];
  return to;
}

function copyShorts(to: Uint16Array, from: Uint16Array, chosen: Uint32Array): Uint16Array {
  for (let i = 0; i < chosen.length; i++) to[i] = from[chosen[i]];
  return to;
}

function copyBytes(to: Uint8Array, from: Uint8Array, chosen: Uint32Array): Uint8Array {
  for (let i = 0; i < chosen.length; i++) to[i] = from[chosen[i]];
  return to;
}

/**
 * Columns are added in the reader's order, and block executions are made as it makes them: so what was gathered is of the
 * same shape as what was read, and loops over either are compiled once.
 */
type GrowingColumns = { -readonly [Name in keyof AccessColumns]: AccessColumns[Name] };

export function createGatherer(memory: ColumnMemory = reusedMemory()): Gatherer {
  return {
    gather(batch, chosen, runs) {
      const { vaddr, pc, paddr, icount, cr3, ordinal, block, vcpu, insn, size, flags, cpl } = batch;
      const { length } = chosen;
      const gathered: GrowingColumns = {
        stream: batch.stream,
        chunkIndex: batch.chunkIndex,
        length,
        firstOrdinal: (batch.firstOrdinal ?? 0) + (length > 0 ? chosen[0] : 0),
        endOrdinal: batch.endOrdinal,
      };
      if (ordinal)
        gathered.ordinal = copyNumbers(memory.numbers('ordinal', length), ordinal, chosen);
      if (paddr) gathered.paddr = copyWide(memory.wide('paddr', length), paddr, chosen);
      if (batch.crossings) gathered.crossings = chooseCrossings(batch.crossings, chosen);
      if (vaddr) gathered.vaddr = copyWide(memory.wide('vaddr', length), vaddr, chosen);
      if (pc) gathered.pc = copyWide(memory.wide('pc', length), pc, chosen);
      if (icount) gathered.icount = copyWide(memory.wide('icount', length), icount, chosen);
      if (cr3) gathered.cr3 = copyWide(memory.wide('cr3', length), cr3, chosen);
      if (size) gathered.size = copyBytes(memory.bytes('size', length), size, chosen);
      if (flags) gathered.flags = copyBytes(memory.bytes('flags', length), flags, chosen);
      if (cpl) gathered.cpl = copyBytes(memory.bytes('cpl', length), cpl, chosen);
      if (vcpu) gathered.vcpu = copyShorts(memory.shorts('vcpu', length), vcpu, chosen);
      if (insn) gathered.insn = copyShorts(memory.shorts('insn', length), insn, chosen);
      if (block) gathered.block = copyWords(memory.words('block', length), block, chosen);
      if (runs) {
        const firstAccess = memory.words('firstAccess', runs.length);
        gathered.runs = withFirstAccess(
          memory.keepRuns(runs),
          placeRuns(runs, chosen, firstAccess),
        );
      }
      if (batch.notes) gathered.notes = placeNotes(batch.notes, chosen);
      if (batch.mappings) gathered.mappings = placeMappings(batch.mappings, chosen, memory);
      if (batch.runParts) gathered.runParts = batch.runParts;
      return gathered;
    },
  };
}

function withFirstAccess(runs: RunColumns, firstAccess: Uint32Array): RunColumns {
  return {
    length: runs.length,
    firstBlock: runs.firstBlock,
    block: runs.block,
    executed: runs.executed,
    vcpu: runs.vcpu,
    icount: runs.icount,
    firstAccess,
    continues: runs.continues,
    shape: runs.shape,
  };
}

/** All rows of a stretch. */
export function copyStretch(batch: AccessColumns, memory: ColumnMemory): AccessColumns {
  const { length, vaddr, pc, paddr, icount, cr3, ordinal, block, vcpu, insn, size, flags, cpl } =
    batch;
  const wide = (name: string, from: BigUint64Array | undefined): BigUint64Array | undefined =>
    from === undefined ? undefined : copied(memory.wide(name, length), from);
  const shorts = (name: string, from: Uint16Array | undefined): Uint16Array | undefined =>
    from === undefined ? undefined : copied(memory.shorts(name, length), from);
  const bytes = (name: string, from: Uint8Array | undefined): Uint8Array | undefined =>
    from === undefined ? undefined : copied(memory.bytes(name, length), from);
  const { runs, crossings, mappings } = batch;
  return {
    ...batch,
    vaddr: wide('vaddr', vaddr),
    pc: wide('pc', pc),
    paddr: wide('paddr', paddr),
    icount: wide('icount', icount),
    cr3: wide('cr3', cr3),
    ordinal: ordinal === undefined ? undefined : copied(memory.numbers('ordinal', length), ordinal),
    block: block === undefined ? undefined : copied(memory.words('block', length), block),
    vcpu: shorts('vcpu', vcpu),
    insn: shorts('insn', insn),
    size: bytes('size', size),
    flags: bytes('flags', flags),
    cpl: bytes('cpl', cpl),
    ...(crossings === undefined
      ? {}
      : { crossings: { index: crossings.index.slice(), paddr: crossings.paddr.slice() } }),
    ...(runs === undefined
      ? {}
      : {
          runs: withFirstAccess(
            memory.keepRuns(runs),
            copied(memory.words('firstAccess', runs.length), runs.firstAccess),
          ),
        }),
    ...(mappings === undefined
      ? {}
      : {
          mappings: {
            ...memory.keepMappings(mappings),
            index: copied(memory.words('mappingIndex', mappings.length), mappings.index),
          },
        }),
  };
}

function copied<C extends { set(from: C): void }>(to: C, from: C): C {
  to.set(from);
  return to;
}

function chooseCrossings(crossings: Crossings, chosen: Uint32Array): Crossings {
  const index: number[] = [];
  const paddr: bigint[] = [];
  let at = 0;
  for (let i = 0; i < crossings.index.length; i++) {
    while (at < chosen.length && chosen[at] < crossings.index[i]) at++;
    if (chosen[at] !== crossings.index[i]) continue;
    index.push(at);
    paddr.push(crossings.paddr[i]);
  }
  return { index: Uint32Array.from(index), paddr: BigUint64Array.from(paddr) };
}

/** Their first accesses, counted among the chosen ones. */
function placeRuns(runs: RunColumns, chosen: Uint32Array, firstAccess: Uint32Array): Uint32Array {
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    while (at < chosen.length && chosen[at] < runs.firstAccess[i]) at++;
    firstAccess[i] = at;
  }
  return firstAccess;
}

function placeNotes(notes: readonly PlacedNote[], chosen: Uint32Array): readonly PlacedNote[] {
  let at = 0;
  return notes.map((note) => {
    while (at < chosen.length && chosen[at] < note.index) at++;
    return { ...note, index: at };
  });
}

function placeMappings(
  mappings: MappingColumns,
  chosen: Uint32Array,
  memory: ColumnMemory,
): MappingColumns {
  const index = memory.words('mappingIndex', mappings.length);
  let at = 0;
  for (let i = 0; i < index.length; i++) {
    while (at < chosen.length && chosen[at] < mappings.index[i]) at++;
    index[i] = at;
  }
  return { ...memory.keepMappings(mappings), index };
}
