// SPDX-License-Identifier: Apache-2.0
// Writes trace files from plain objects, straight from docs/format.md, so that tests need no QEMU. Slow
// and obvious; also says what a reader must see in what it wrote.

import { crc32 } from 'node:zlib';
import { ByteWriter, zstdFrame } from './reference-bytes.oracle.ts';
import { ChunkState } from './reference-chunk.oracle.ts';
import {
  NO_ADDRESS,
  type RefAccess,
  type RefBlock,
  type RefExecution,
  type RefItem,
  type RefTrace,
  type SeenAccess,
  type SeenBlock,
  type SeenTrace,
  signExtend48,
} from './reference-trace.oracle.ts';

export interface EncodeOptions {
  /** Close the file with totals, index and trailer. Default true. */
  readonly closed?: boolean;
  /** Put streams into zstd frames. Default false. */
  readonly framed?: boolean;
  /** What chunks say of their table of pages; 0 as in older files. Default 4,096. */
  readonly pageSlots?: PageSlots;
  /** Falsify the totals before they are written. */
  readonly changeTotals?: (totals: RefTotals) => object;
}

/** 0 means 2,048. */
export type PageSlots = 0 | 2048 | 4096;

type RefTotals = ReturnType<typeof totalsOf>;

/** Physical page of a virtual one; undefined when it is not known. generation counts unmaps. */
function physicalPage(vpage: bigint, generation: number): bigint | undefined {
  const mixed = BigInt.asUintN(64, (vpage + BigInt(generation)) * 0x9e3779b97f4a7c15n) >> 40n;
  return mixed % 7n === 0n ? undefined : mixed;
}

export function encodeTrace(
  trace: RefTrace,
  options: EncodeOptions = {},
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly seen: SeenTrace } {
  const file = new FileWriter(trace.blocks, options);
  const seen: SeenTrace[] = trace.streams.map((items, stream) => {
    const encoder = new StreamEncoder(file, stream, trace.blocks, options);
    for (const item of items) encoder.add(item);
    return encoder.finish();
  });
  const bytes = file.finish(seen);
  return {
    bytes,
    seen: {
      accesses: seen.flatMap(({ accesses }) => accesses),
      blocks: seen.flatMap(({ blocks }) => blocks),
      instructions: seen.reduce((sum, { instructions }) => sum + instructions, 0),
    },
  };
}

const CAPABILITIES: readonly string[] = [
  ...['vaddr', 'paddr', 'pc', 'icount', 'cpl', 'mode', 'address-space'],
  ...['device', 'events', 'vcpu', 'global-order'],
];

const HEADER_JSON = JSON.stringify({
  recorder: { producer: 'reference encoder', command: ['qemu'] },
  plugin: { api: 4, accepts: [2, 4], vcpus: 2, maxVcpus: 4 },
  capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, { status: 'yes' }])),
});

/** For changeTotals: the trace lacks these capabilities. */
export function lacking(
  names: readonly string[],
  why: string,
): NonNullable<EncodeOptions['changeTotals']> {
  const stated = (name: string): object =>
    names.includes(name) ? { status: 'no', why } : { status: 'yes' };
  const capabilities = Object.fromEntries(CAPABILITIES.map((name) => [name, stated(name)]));
  return (totals) => ({ ...totals, capabilities });
}

class FileWriter {
  private readonly out = new ByteWriter();
  private readonly index = new ByteWriter();
  private indexCount = 0;
  private knownBlocks = 0;
  private readonly blocks: readonly RefBlock[];
  private readonly options: EncodeOptions;

  constructor(blocks: readonly RefBlock[], options: EncodeOptions) {
    this.blocks = blocks;
    this.options = options;
    this.out.text('MEMTRACE').u32(3).u32(0);
    this.section(1, 0xffffffff, new ByteWriter().text(HEADER_JSON).bytes());
  }

  section(kind: number, stream: number, payload: Uint8Array): number {
    const at = this.out.length;
    const header = new ByteWriter()
      .text('LSEC')
      .u16(kind)
      .u16(0)
      .u32(stream)
      .u32(payload.length)
      .u32(crc32(payload));
    header.u32(crc32(header.bytes()));
    this.out.append(header.bytes()).append(payload);
    return at;
  }

  entry(at: number, kind: number, stream: number, rest: ByteWriter): void {
    this.index.u64(BigInt(at)).u16(kind).u16(0).u32(stream).append(rest.bytes());
    this.indexCount++;
  }

  /** Writes the code table up to and including this block. */
  requireBlock(id: number): void {
    if (id < this.knownBlocks) return;
    const first = this.knownBlocks;
    this.knownBlocks = id + 1;
    const entries = new ByteWriter();
    for (const block of this.blocks.slice(first, this.knownBlocks)) {
      const byteCount = block.insnLengths.reduce((sum, length) => sum + length, 0);
      entries
        .u64(block.vaddr)
        .u32(block.mode ?? 0)
        .u32(
          (block.mode === undefined ? 0 : 1) |
            (block.lastRep ? 2 : 0) |
            (isDelivery(block) ? 4 : 0),
        )
        .u16(block.insnLengths.length)
        .u16(byteCount);
      for (const length of block.insnLengths) entries.u8(length);
      for (let i = 0; i < byteCount; i++) entries.u8(block.code?.[i] ?? (i * 7 + id) & 255);
    }
    const raw = entries.bytes();
    const stored = this.options.framed === true ? zstdFrame(raw) : raw;
    const count = this.knownBlocks - first;
    const payload = new ByteWriter().u32(first).u32(count).u32(raw.length).u32(stored.length);
    const at = this.section(2, 0xffffffff, payload.append(stored).bytes());
    this.entry(
      at,
      2,
      0xffffffff,
      new ByteWriter().u64(BigInt(first)).u32(count).u32(0).u64(0n).u64(0n).u64(0n).u64(0n),
    );
  }

  private totalsJson(seen: readonly SeenTrace[]): string {
    const totals = totalsOf(seen);
    return JSON.stringify(this.options.changeTotals?.(totals) ?? totals);
  }

  finish(seen: readonly SeenTrace[]): Uint8Array<ArrayBuffer> {
    if (this.options.closed === false) return this.out.bytes();
    this.section(4, 0xffffffff, new ByteWriter().text(this.totalsJson(seen)).bytes());
    const index = new ByteWriter().u32(this.indexCount).u32(0).append(this.index.bytes());
    const at = this.section(5, 0xffffffff, index.bytes());
    this.section(6, 0xffffffff, new ByteWriter().u64(BigInt(at)).bytes());
    return this.out.bytes();
  }
}

function totalsOf(seen: readonly SeenTrace[]) {
  const count = (accesses: readonly SeenAccess[], store: boolean): number =>
    accesses.filter((access) => access.store === store && !access.aborted).length;
  return {
    cause: 'guest-exit',
    error: '',
    streams: seen.map(({ accesses, blocks, instructions }, stream) => ({
      stream,
      captured: accesses.length + blocks.length,
      encoded: accesses.length + blocks.length,
      written: accesses.length + blocks.length,
      accesses: accesses.length,
      blocks: blocks.length,
      instructions,
      loads: count(accesses, false),
      stores: count(accesses, true),
      aborted: accesses.filter((access) => access.aborted).length,
      events: eventCounts.get(accesses) ?? 0,
      words: 0,
      waits: 0,
      unknownPaddr: 0,
      mapChecks: 0,
      mapMismatches: 0,
      strays: 0,
      aliasedBlocks: 0,
      cutBlocks: 0,
      unresolvedCuts: 0,
    })),
    vcpus: sumVcpus(seen),
  };
}

/** As the accesses and block executions of all streams have it, by vCPU. */
function sumVcpus(seen: readonly SeenTrace[]): RefVcpuTotals[] {
  const sums = new Map<number, RefVcpuTotals>();
  for (const [vcpu, instructions] of seen.flatMap((stream) => [...instructionsOf(stream)])) {
    const before = sums.get(vcpu)?.instructions ?? 0;
    const count = (store: boolean): number =>
      seen
        .flatMap(({ accesses }) => accesses)
        .filter((access) => access.vcpu === vcpu && access.store === store && !access.aborted)
        .length;
    sums.set(vcpu, {
      vcpu,
      instructions: before + instructions,
      loads: count(false),
      stores: count(true),
    });
  }
  return [...sums.values()].sort((a, b) => a.vcpu - b.vcpu);
}

interface RefVcpuTotals {
  readonly vcpu: number;
  readonly instructions: number;
  readonly loads: number;
  readonly stores: number;
}

/** Where each vCPU's count stands after its last block execution in the stream. */
function instructionsOf({ blocks }: SeenTrace): Map<number, number> {
  return new Map(blocks.map(({ vcpu, icount, executed }) => [vcpu, Number(icount) + executed]));
}

/** Events of the stream whose accesses these are. */
const eventCounts = new WeakMap<readonly SeenAccess[], number>();

interface VcpuState {
  icount: bigint;
  cr3: bigint;
  pendingRep: bigint;
}

class StreamEncoder {
  private readonly file: FileWriter;
  private readonly stream: number;
  private readonly table: readonly RefBlock[];
  private readonly options: EncodeOptions;
  private readonly accesses: SeenAccess[] = [];
  private readonly executions: SeenBlock[] = [];
  private instructions = 0;
  private events = 0;
  private vcpu: number;
  private readonly vcpus = new Map<number, VcpuState>();
  private generation = 0;
  private chunk: ChunkState | undefined;

  constructor(
    file: FileWriter,
    stream: number,
    table: readonly RefBlock[],
    options: EncodeOptions,
  ) {
    this.file = file;
    this.stream = stream;
    this.table = table;
    this.options = options;
    this.vcpu = stream;
  }

  add(item: RefItem): void {
    if (item.type === 'seal') {
      this.seal();
      return;
    }
    this.chunk ??= this.begin();
    const chunk = this.chunk;
    const vcpu = this.running();
    switch (item.type) {
      case 'block':
        this.execute(chunk, vcpu, item);
        break;
      case 'vcpu':
        chunk.note(4).varint(BigInt(item.vcpu));
        this.vcpu = item.vcpu;
        break;
      case 'cr3':
        chunk.note(5).u64(item.cr3);
        vcpu.cr3 = item.cr3;
        break;
      case 'event':
        chunk.note(9).varint(BigInt(item.what)).varint(item.error).u64(item.ip).u64(item.cr2);
        vcpu.pendingRep = NO_ADDRESS;
        if ((item.what & 0x4000) !== 0) {
          for (const state of this.vcpus.values()) state.pendingRep = NO_ADDRESS;
        }
        chunk.eventIp = item.ip;
        chunk.events++;
        this.events++;
        break;
      case 'gap':
        chunk.note(11).u64(item.hostNs);
        for (const state of this.vcpus.values()) state.pendingRep = NO_ADDRESS;
        break;
      case 'unmap':
        this.unmap(chunk);
        break;
      case 'attributes':
        chunk.note(13).varint(BigInt(item.bits));
        break;
      case 'region':
        chunk
          .note(15)
          .u64(item.first)
          .u64(item.last)
          .varint(BigInt(new TextEncoder().encode(item.name).length))
          .text(item.name);
        break;
    }
  }

  finish(): SeenTrace {
    this.seal();
    eventCounts.set(this.accesses, this.events);
    return { accesses: this.accesses, blocks: this.executions, instructions: this.instructions };
  }

  private running(): VcpuState {
    let state = this.vcpus.get(this.vcpu);
    if (state === undefined) {
      state = { icount: 0n, cr3: 0n, pendingRep: NO_ADDRESS };
      this.vcpus.set(this.vcpu, state);
    }
    return state;
  }

  private begin(): ChunkState {
    this.running();
    const states = new ByteWriter();
    for (const [vcpu, state] of this.vcpus) {
      states.u32(vcpu).u32(0).u64(state.icount).u64(state.cr3).u64(state.pendingRep);
    }
    return new ChunkState(
      this.accesses.length,
      this.executions.length,
      this.vcpu,
      this.vcpus.size,
      states.bytes(),
      this.running().icount,
      this.options.pageSlots ?? 4096,
    );
  }

  private unmap(chunk: ChunkState): void {
    chunk.note(3);
    chunk.pages.clear();
    this.generation++;
  }

  /** Physical address of the first byte of a page; notes the mapping when the reader lacks it. */
  private pageStart(chunk: ChunkState, vpage: bigint): bigint {
    const slot = Number(vpage % BigInt(chunk.pageSlots || 2048));
    const ppage = physicalPage(vpage, this.generation);
    if (chunk.pages.get(slot) !== vpage) {
      chunk.pages.set(slot, vpage);
      const note = chunk.note(ppage === undefined ? 2 : 1).zigzag(vpage - chunk.lastVpage);
      chunk.lastVpage = vpage;
      if (ppage !== undefined) {
        note.zigzag(ppage - chunk.lastPpage);
        chunk.lastPpage = ppage;
      }
    }
    return ppage === undefined ? NO_ADDRESS : ppage << 12n;
  }

  private execute(chunk: ChunkState, vcpu: VcpuState, item: RefExecution): void {
    const block = this.table[item.id];
    if (block === undefined) throw new Error(`no block ${item.id}`);
    this.file.requireBlock(item.id);
    if (item.cut !== undefined) {
      const { executed, aborted, cause } = item.cut;
      chunk.note(10).varint(BigInt(executed)).varint(BigInt(aborted)).u8(cause);
    }
    const executed = item.cut?.executed ?? block.insnLengths.length;
    const icountBefore = vcpu.icount;
    if (vcpu.pendingRep === block.vaddr) vcpu.icount -= 1n;
    this.executions.push({
      stream: this.stream,
      id: item.id,
      icount: vcpu.icount,
      vcpu: this.vcpu,
      executed,
      firstAccess: this.accesses.length,
    });
    chunk.beginBlock(item);
    const firstAborted = item.accesses.length - (item.cut?.aborted ?? 0);
    item.accesses.forEach((access, i) => {
      const seen = this.access(chunk, vcpu, item, block, access, i >= firstAborted);
      chunk.count(seen);
      this.accesses.push(seen);
      chunk.codeAddress(item.id, i, signExtend48(access.vaddr));
    });
    vcpu.icount += BigInt(executed);
    const last = block.vaddr + BigInt(offsetOf(block, Math.max(0, block.insnLengths.length - 1)));
    vcpu.pendingRep =
      block.lastRep && item.cut === undefined ? BigInt.asUintN(64, last) : NO_ADDRESS;
    chunk.instructions += vcpu.icount - icountBefore;
    this.instructions += Number(vcpu.icount - icountBefore);
  }

  /** Writes the notes of an access, and says what is to be seen of it. */
  private access(
    chunk: ChunkState,
    vcpu: VcpuState,
    { id }: RefExecution,
    block: RefBlock,
    access: RefAccess,
    aborted: boolean,
  ): SeenAccess {
    if (access.unmapBefore === true) this.unmap(chunk);
    const { vaddr } = access;
    const size = 2 ** access.sizeLog2;
    const part = (number: number): bigint | undefined =>
      access.device?.find((device) => device.part === number)?.paddr;
    const pageWalk = access.pageWalk === true;
    const phys = access.phys === true || pageWalk;
    const crosses = !phys && (vaddr & 4095n) + BigInt(size) > 4096n;
    const firstPage = (): bigint => {
      const start = this.pageStart(chunk, vaddr >> 12n);
      return start === NO_ADDRESS ? NO_ADDRESS : start | (vaddr & 4095n);
    };
    const paddr = part(0) ?? (phys ? vaddr : firstPage());
    const nextPage = BigInt.asUintN(52, (vaddr >> 12n) + 1n);
    const secondPaddr = crosses ? (part(1) ?? this.pageStart(chunk, nextPage)) : undefined;
    for (const device of access.device ?? []) {
      chunk.note(6).varint(BigInt(device.part)).u64(device.paddr);
    }
    if (signExtend48(vaddr) !== vaddr) chunk.note(7).u64(vaddr);
    if (phys) chunk.note(pageWalk ? 12 : 8);
    if (access.port !== undefined) {
      const { insn, port, what, value } = access.port;
      chunk.note(14).varint(BigInt(insn)).varint(BigInt(port)).u8(what).varint(BigInt(value));
    }
    return {
      stream: this.stream,
      ordinal: this.accesses.length,
      vcpu: this.vcpu,
      icount: vcpu.icount + BigInt(access.insn),
      pc: isDelivery(block)
        ? pageWalk
          ? NO_ADDRESS
          : chunk.eventIp
        : BigInt.asUintN(64, block.vaddr + BigInt(offsetOf(block, access.insn))),
      vaddr,
      paddr,
      secondPaddr,
      size,
      store: access.store,
      aborted,
      device: (access.device ?? []).length > 0,
      phys,
      origin: pageWalk ? 2 : isDelivery(block) ? 1 : 0,
      block: id,
      insn: access.insn,
      cpl: block.mode === undefined ? 255 : block.mode & 3,
      cr3: vcpu.cr3,
    };
  }

  private seal(): void {
    if (this.chunk === undefined) return;
    const { payload, entry } = this.chunk.finish(this.options.framed === true);
    const at = this.file.section(3, this.stream, payload);
    this.file.entry(at, 3, this.stream, entry);
    this.chunk = undefined;
  }
}

function isDelivery(block: RefBlock): boolean {
  return block.insnLengths.length === 0;
}

function offsetOf(block: RefBlock, insn: number): number {
  return block.insnLengths.slice(0, insn).reduce((sum, length) => sum + length, 0);
}
