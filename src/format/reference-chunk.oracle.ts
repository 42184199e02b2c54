// SPDX-License-Identifier: Apache-2.0
// One chunk of the reference encoder: docs/format.md section 3, predictors and streams.

import { ByteWriter, zstdFrame } from './reference-bytes.oracle.ts';
import { NO_ADDRESS, type RefExecution, type SeenAccess } from './reference-trace.oracle.ts';

interface Slot {
  readonly tag: number;
  last: bigint;
  d: bigint[];
  sel: number;
}

interface BlockState {
  slots: Slot[];
  shape: number[];
  next1: number;
}

function u32(value: bigint): bigint {
  return BigInt.asUintN(32, value);
}

/** Section 3: the predictors and streams of one chunk. */
export class ChunkState {
  readonly pages = new Map<number, bigint>();
  lastVpage = 0n;
  lastPpage = 0n;
  events = 0;
  eventIp = NO_ADDRESS;
  instructions = 0n;
  private readonly streams = Array.from({ length: 11 }, () => new ByteWriter());
  private noteCount = 0;
  private noteBlock = 0;
  private noteAccess = 0;
  private blockCount = 0;
  private accessCount = 0;
  private loads = 0;
  private stores = 0;
  private aborted = 0;
  private user = 0;
  private lower = NO_ADDRESS;
  private upper = 0n;
  private h: bigint[] = [0n, 0n, 0n];
  private p: number[] = [0, 0, 0];
  private run = 0n;
  private arun = 0n;
  private readonly next3 = new Map<bigint, number>();
  private readonly walk = new Map<bigint, bigint>();
  private readonly states = new Map<number, BlockState>();
  private readonly firstOrdinal: number;
  private readonly firstBlock: number;
  private readonly vcpu: number;
  private readonly vcpuCount: number;
  private readonly vcpuStates: Uint8Array;
  private readonly icount: bigint;
  readonly pageSlots: number;

  constructor(
    firstOrdinal: number,
    firstBlock: number,
    vcpu: number,
    vcpuCount: number,
    vcpuStates: Uint8Array,
    icount: bigint,
    pageSlots: number,
  ) {
    this.firstOrdinal = firstOrdinal;
    this.firstBlock = firstBlock;
    this.vcpu = vcpu;
    this.vcpuCount = vcpuCount;
    this.vcpuStates = vcpuStates;
    this.icount = icount;
    this.pageSlots = pageSlots;
  }

  private out(stream: number): ByteWriter {
    const writer = this.streams[stream];
    if (writer === undefined) throw new Error(`no stream ${stream}`);
    return writer;
  }

  note(kind: number): ByteWriter {
    const notes = this.out(10);
    notes.u8(kind);
    notes.varint(BigInt(this.blockCount - this.noteBlock));
    notes.varint(BigInt(this.accessCount - this.noteAccess));
    this.noteBlock = this.blockCount;
    this.noteAccess = this.accessCount;
    this.noteCount++;
    return notes;
  }

  private state(id: number): BlockState {
    let state = this.states.get(id);
    if (state === undefined) {
      state = { slots: [], shape: [], next1: 0xffffffff };
      this.states.set(id, state);
    }
    return state;
  }

  beginBlock({ id, accesses }: RefExecution): void {
    const [p1 = 0, p2 = 0, p3 = 0] = this.p;
    const k =
      u32((BigInt(p1) * 0x9e3779b1n) ^ (BigInt(p2) * 0x85ebca6bn) ^ (BigInt(p3) * 0xc2b2ae35n)) >>
      17n;
    const state = this.state(id);
    const tags = accesses.map(
      ({ insn, store, sizeLog2 }) => insn | (store ? 512 : 0) | (sizeLog2 << 10),
    );
    const shape = tags.map((tag) => {
      const known = state.slots.findIndex((slot) => slot.tag === tag);
      if (known >= 0) return known;
      return state.slots.push({ tag, last: this.h[0] ?? 0n, d: [0n, 0n, 0n, 0n], sel: 1 }) - 1;
    });
    const usual = shape.join() === state.shape.join();
    if (this.next3.get(k) === id && usual) {
      this.run++;
    } else {
      const code = this.next3.get(k) === id ? 0 : this.states.get(p1)?.next1 === id ? 1 : 2;
      this.out(0).varint(this.run);
      this.run = 0n;
      this.out(1).u8(code | (usual ? 0 : 4));
      if (code === 2) this.out(2).u32(id);
      if (!usual) {
        this.out(3).varint(BigInt(tags.length));
        for (const tag of tags) this.out(3).u16(tag);
      }
    }
    state.shape = shape;
    if (this.next3.get(k) !== id) {
      this.next3.set(k, id);
      this.state(p1).next1 = id;
    }
    this.p = [id, p1, p2];
    this.blockCount++;
  }

  codeAddress(id: number, member: number, a: bigint): void {
    const state = this.state(id);
    const number = state.shape[member];
    const slot = number === undefined ? undefined : state.slots[number];
    if (slot === undefined || number === undefined) throw new Error('no slot');
    const base = [slot.last, ...this.h];
    const predicted = (i: number): bigint =>
      BigInt.asUintN(64, (base[i] ?? 0n) + (slot.d[i] ?? 0n));
    if (predicted(slot.sel) === a) {
      this.arun++;
    } else {
      this.out(4).varint(this.arun);
      this.arun = 0n;
      const w =
        u32((BigInt(id * 64 + number) * 0x9e3779b1n) ^ (u32(slot.last) * 0x85ebca6bn)) >> 18n;
      const sel = [0, 1, 2, 3].findIndex((i) => predicted(i) === a);
      if (sel >= 0) {
        slot.sel = sel;
        this.out(5).u8(sel);
      } else if ((this.walk.get(w) ?? 0n) === a) {
        this.out(5).u8(4);
      } else {
        this.codeExplicit(base, a);
      }
      this.walk.set(w, a);
      slot.d = base.map((b) => BigInt.asIntN(32, a - b));
    }
    slot.last = a;
    this.h = [a, ...this.h.slice(0, 2)];
    this.accessCount++;
    const page = a & ~4095n;
    if (page < this.lower) this.lower = page;
    if ((page | 4095n) > this.upper) this.upper = page | 4095n;
  }

  private codeExplicit(base: readonly bigint[], a: bigint): void {
    const coded = base.map((b) => {
      const x = BigInt.asIntN(48, a - b);
      return BigInt.asUintN(64, (x << 1n) ^ (x >> 63n));
    });
    const least = coded.reduce((low, z) => (z < low ? z : low));
    const byteCount = [1, 2, 3, 6].find((n) => least < 1n << BigInt(n * 8));
    if (byteCount === undefined) throw new Error('48 bits always do');
    this.out(5).u8(8 + coded.indexOf(least) * 8 + byteCount);
    this.out({ 1: 6, 2: 7, 3: 8, 6: 9 }[byteCount] ?? 0).low(least, byteCount);
  }

  count(access: SeenAccess): void {
    if (access.aborted) this.aborted++;
    else if (access.store) this.stores++;
    else this.loads++;
    if (!access.aborted && access.cpl === 3) this.user++;
  }

  finish(framed: boolean): { payload: Uint8Array; entry: ByteWriter } {
    this.out(0).varint(this.run);
    this.out(4).varint(this.arun);
    const head = new ByteWriter()
      .u32(this.pageSlots)
      .u32(this.accessCount)
      .u32(this.blockCount)
      .u32(this.noteCount)
      .u64(BigInt(this.firstOrdinal))
      .u64(BigInt(this.firstBlock))
      .u64(this.instructions)
      .u64(1000n)
      .u64(2000n)
      .u64(this.lower)
      .u64(this.upper)
      .u32(this.loads)
      .u32(this.stores)
      .u32(this.aborted)
      .u32(this.user)
      .u32(this.events)
      .u32(this.vcpu)
      .u32(this.vcpuCount)
      .u32(11)
      .append(this.vcpuStates);
    const stored = this.streams.map((stream) => {
      const raw = stream.bytes();
      return framed && raw.length > 0 ? zstdFrame(raw) : raw;
    });
    stored.forEach((bytes, i) => head.u32(this.out(i).length).u32(bytes.length));
    for (const bytes of stored) head.append(bytes);
    const entry = new ByteWriter()
      .u64(BigInt(this.firstOrdinal))
      .u32(this.accessCount)
      .u32(this.blockCount)
      .u64(this.icount)
      .u64(this.lower)
      .u64(this.upper)
      .u64(1000n);
    return { payload: head.bytes(), entry };
  }
}
