// SPDX-License-Identifier: Apache-2.0
// Reads whole, well-formed trace files, straight from docs/format.md and with one bigint per number: what
// the fast decoder is compared with. Throws a plain Error when the file contradicts the document.

import { crc32 } from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';
import {
  NO_ADDRESS,
  type SeenAccess,
  type SeenBlock,
  type SeenTrace,
  signExtend48,
} from './reference-trace.oracle.ts';

class ByteReader {
  at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(byteCount: number): Uint8Array {
    if (byteCount > this.left) throw new Error('the bytes end');
    this.at += byteCount;
    return this.bytes.slice(this.at - byteCount, this.at);
  }

  low(byteCount: number): bigint {
    return this.take(byteCount).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  u8(): number {
    return Number(this.low(1));
  }

  u16(): number {
    return Number(this.low(2));
  }

  u32(): number {
    return Number(this.low(4));
  }

  u64(): bigint {
    return this.low(8);
  }

  varint(): bigint {
    let value = 0n;
    for (let i = 0n; ; i++) {
      const byte = this.low(1);
      value |= (byte & 127n) << (7n * i);
      if (byte < 128n) return value;
    }
  }

  zigzag(): bigint {
    return unzigzag(this.varint());
  }
}

function unzigzag(z: bigint): bigint {
  return z % 2n === 0n ? z / 2n : -(z + 1n) / 2n;
}

interface Block {
  readonly vaddr: bigint;
  readonly mode: number;
  readonly flags: number;
  readonly offsets: readonly number[];
}

interface Seen {
  readonly accesses: SeenAccess[];
  readonly blocks: SeenBlock[];
  instructions: number;
}

export async function decodeTrace(bytes: Uint8Array): Promise<SeenTrace> {
  const zstd = new ZSTDDecoder();
  await zstd.init();
  const unpack = (stored: Uint8Array, rawBytes: number): ByteReader =>
    new ByteReader(stored.length === rawBytes ? stored : zstd.decode(stored, rawBytes));
  const file = new ByteReader(bytes);
  check(new TextDecoder().decode(file.take(8)) === 'MEMTRACE', 'magic');
  check([1, 2, 3].includes(file.u32()) && file.u32() === 0, 'version');
  const blocks: Block[] = [];
  const seen: Seen = { accesses: [], blocks: [], instructions: 0 };
  while (file.left > 0) {
    const header = new ByteReader(file.take(24));
    check(header.u32() === 0x4345534c, 'section magic');
    const kind = header.u16();
    header.u16();
    const stream = header.u32();
    const payload = file.take(header.u32());
    check(header.u32() === crc32(payload), 'section checksum');
    if (kind === 2) readCode(new ByteReader(payload), blocks, unpack);
    if (kind === 3) readChunk(new ByteReader(payload), stream, blocks, unpack, seen);
  }
  const byStream = (a: { stream: number }, b: { stream: number }): number => a.stream - b.stream;
  seen.accesses.sort(byStream);
  seen.blocks.sort(byStream);
  return seen;
}

type Unpack = (stored: Uint8Array, rawBytes: number) => ByteReader;

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not as documented: ${what}`);
}

function readCode(payload: ByteReader, blocks: Block[], unpack: Unpack): void {
  check(payload.u32() === blocks.length, 'first id');
  const count = payload.u32();
  const rawBytes = payload.u32();
  const entries = unpack(payload.take(payload.u32()), rawBytes);
  for (let i = 0; i < count; i++) {
    const vaddr = entries.u64();
    const mode = entries.u32();
    const flags = entries.u32();
    const insnCount = entries.u16();
    const byteCount = entries.u16();
    const offsets: number[] = [];
    let offset = 0;
    for (let insn = 0; insn < insnCount; insn++) {
      offsets.push(offset);
      offset += entries.u8();
    }
    check(offset === byteCount, 'instruction lengths');
    entries.take(byteCount);
    blocks.push({ vaddr, mode, flags, offsets });
  }
}

interface Slot {
  readonly tag: number;
  last: bigint;
  d: bigint[];
  sel: number;
}

function readChunk(
  payload: ByteReader,
  stream: number,
  table: readonly Block[],
  unpack: Unpack,
  seen: { accesses: SeenAccess[]; blocks: SeenBlock[]; instructions: number },
): void {
  const pageSlots = BigInt(payload.u32() || 2048);
  check(pageSlots === 2048n || pageSlots === 4096n, 'slots of the table of pages');
  const accessCount = payload.u32();
  const blockCount = payload.u32();
  payload.u32();
  const firstOrdinal = Number(payload.u64());
  payload.take(8);
  seen.instructions += Number(BigInt.asIntN(64, payload.u64()));
  payload.take(8 * 4 + 4 * 5);
  let vcpu = payload.u32();
  const vcpuCount = payload.u32();
  check(payload.u32() === 11, 'stream count');
  const vcpus = new Map<number, { icount: bigint; cr3: bigint; pendingRep: bigint }>();
  for (let i = 0; i < vcpuCount; i++) {
    const index = payload.u32();
    payload.u32();
    vcpus.set(index, { icount: payload.u64(), cr3: payload.u64(), pendingRep: payload.u64() });
  }
  const sizes = Array.from({ length: 11 }, () => [payload.u32(), payload.u32()] as const);
  const streams = sizes.map(([raw, stored]) => unpack(payload.take(stored), raw));
  const subStream = (index: number): ByteReader => {
    const found = streams[index];
    if (found === undefined) throw new Error('no stream');
    return found;
  };
  const notes = subStream(10);

  let h: readonly bigint[] = [0n, 0n, 0n];
  let p: readonly number[] = [0, 0, 0];
  const next3 = new Map<bigint, number>();
  const next1 = new Map<number, number>();
  const walk = new Map<bigint, bigint>();
  const slots = new Map<number, Slot[]>();
  const shapes = new Map<number, number[]>();
  const pages = new Map<bigint, { vpage: bigint; ppage: bigint | undefined }>();
  let run = subStream(0).varint();
  let arun = subStream(4).varint();
  let begun = 0;
  let made = 0;
  let vpage = 0n;
  let ppage = 0n;
  let cut: { executed: number; aborted: number } | undefined;
  let next: {
    device0?: bigint;
    device1?: bigint;
    wide?: bigint;
    phys?: boolean;
    pageWalk?: boolean;
  } = {};
  let eventIp = NO_ADDRESS;

  const running = (): { icount: bigint; cr3: bigint; pendingRep: bigint } => {
    const state = vcpus.get(vcpu) ?? { icount: 0n, cr3: 0n, pendingRep: NO_ADDRESS };
    vcpus.set(vcpu, state);
    return state;
  };

  // The note to come: its kind and place.
  let noteKind = 0;
  let noteBlock = 0;
  let noteAccess = 0;
  const readPlace = (): void => {
    noteKind = notes.left > 0 ? notes.u8() : 0;
    if (noteKind === 0) return;
    noteBlock += Number(notes.varint());
    noteAccess += Number(notes.varint());
  };
  const map = (known: boolean): void => {
    vpage += notes.zigzag();
    if (known) ppage += notes.zigzag();
    pages.set(vpage % pageSlots, { vpage, ppage: known ? ppage : undefined });
  };
  const applyNotes = (): void => {
    for (;;) {
      if (noteKind === 0 || noteBlock !== begun || noteAccess !== made) return;
      switch (noteKind) {
        case 1:
          map(true);
          break;
        case 2:
          map(false);
          break;
        case 3:
          pages.clear();
          break;
        case 4:
          vcpu = Number(notes.varint());
          break;
        case 5:
          running().cr3 = notes.u64();
          break;
        case 6:
          next =
            notes.varint() === 0n
              ? { ...next, device0: notes.u64() }
              : { ...next, device1: notes.u64() };
          break;
        case 7:
          next = { ...next, wide: notes.u64() };
          break;
        case 8:
          next = { ...next, phys: true };
          break;
        case 9: {
          const what = notes.varint();
          notes.varint();
          eventIp = notes.u64();
          notes.take(8);
          running().pendingRep = NO_ADDRESS;
          if ((what & 0x4000n) === 0n) break;
          for (const state of vcpus.values()) state.pendingRep = NO_ADDRESS;
          break;
        }
        case 10:
          cut = { executed: Number(notes.varint()), aborted: Number(notes.varint()) };
          notes.u8();
          break;
        case 11:
          notes.take(8);
          for (const state of vcpus.values()) state.pendingRep = NO_ADDRESS;
          break;
        case 12:
          next = { ...next, phys: true, pageWalk: true };
          break;
        case 13:
          notes.varint();
          break;
        case 14:
          notes.varint();
          notes.varint();
          notes.u8();
          notes.varint();
          break;
        case 15:
          notes.take(16);
          notes.take(Number(notes.varint()));
          break;
        default:
          throw new Error(`note kind ${noteKind}`);
      }
      readPlace();
    }
  };
  const findPage = (page: bigint): bigint => {
    const wrapped = BigInt.asUintN(52, page);
    const entry = pages.get(wrapped % pageSlots);
    check(entry?.vpage === wrapped, `page ${wrapped.toString(16)} is mapped`);
    return entry?.ppage === undefined ? NO_ADDRESS : entry.ppage << 12n;
  };
  const findPaddr = (vaddr: bigint): bigint => {
    const start = findPage(vaddr >> 12n);
    return start === NO_ADDRESS ? NO_ADDRESS : start | (vaddr & 4095n);
  };

  const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);
  const readId = (k: bigint): { id: number; shape: number[] | undefined } => {
    const follower = next3.get(k) ?? 0xffffffff;
    if (run > 0n) {
      run--;
      return { id: follower, shape: undefined };
    }
    const c = subStream(1).u8();
    run = subStream(0).varint();
    check(c < 8 && (c & 3) !== 3, 'block code');
    const id =
      (c & 3) === 0 ? follower : (c & 3) === 1 ? (next1.get(p[0] ?? 0) ?? -1) : subStream(2).u32();
    if ((c & 4) === 0) return { id, shape: undefined };
    const own = slots.get(id) ?? [];
    slots.set(id, own);
    const shape = Array.from({ length: Number(subStream(3).varint()) }, () => {
      const tag = subStream(3).u16();
      const known = own.findIndex((slot) => slot.tag === tag);
      if (known >= 0) return known;
      return own.push({ tag, last: h[0] ?? 0n, d: [0n, 0n, 0n, 0n], sel: 1 }) - 1;
    });
    return { id, shape };
  };
  const readAddress = (id: number, number: number, slot: Slot): bigint => {
    const b = [slot.last, ...h];
    const predicted = (i: number): bigint => BigInt.asUintN(64, (b[i] ?? 0n) + (slot.d[i] ?? 0n));
    let a: bigint;
    if (arun > 0n) {
      arun--;
      a = predicted(slot.sel);
    } else {
      const c = subStream(5).u8();
      arun = subStream(4).varint();
      const w =
        u32((BigInt(id * 64 + number) * 0x9e3779b1n) ^ (u32(slot.last) * 0x85ebca6bn)) >> 18n;
      if (c < 4) {
        slot.sel = c;
        a = predicted(c);
      } else if (c === 4) {
        a = walk.get(w) ?? 0n;
      } else {
        const deltas = { 1: 6, 2: 7, 3: 8, 6: 9 }[(c - 8) % 8];
        if (c < 8 || c >= 40 || deltas === undefined) throw new Error('access code');
        const z = subStream(deltas).low((c - 8) % 8);
        a = signExtend48((b[(c - 8) >> 3] ?? 0n) + unzigzag(z));
      }
      walk.set(w, a);
      slot.d = b.map((base) => BigInt.asIntN(32, a - base));
    }
    slot.last = a;
    h = [a, h[0] ?? 0n, h[1] ?? 0n];
    check(signExtend48(a) === a, 'canonical address');
    return a;
  };

  readPlace();
  for (;;) {
    applyNotes();
    if (begun === blockCount) break;
    const [p1 = 0, p2 = 0, p3 = 0] = p;
    const k =
      u32((BigInt(p1) * 0x9e3779b1n) ^ (BigInt(p2) * 0x85ebca6bn) ^ (BigInt(p3) * 0xc2b2ae35n)) >>
      17n;
    const { id, shape } = readId(k);
    const block = table[id];
    if (block === undefined) throw new Error(`no block ${id}`);
    if (shape !== undefined) shapes.set(id, shape);
    if (next3.get(k) !== id) {
      next3.set(k, id);
      next1.set(p1, id);
    }
    p = [id, p1, p2];
    begun++;
    const left = cut;
    cut = undefined;
    const executed = left?.executed ?? block.offsets.length;
    const state = running();
    if (state.pendingRep === block.vaddr) state.icount--;
    seen.blocks.push({
      stream,
      id,
      icount: state.icount,
      vcpu,
      executed,
      firstAccess: firstOrdinal + made,
    });
    const members = shapes.get(id) ?? [];
    members.forEach((number, i) => {
      applyNotes();
      const slot = slots.get(id)?.[number];
      if (slot === undefined) throw new Error('no slot');
      const coded = readAddress(id, number, slot);
      const vaddr = next.wide ?? coded;
      const size = 1 << ((slot.tag >> 10) & 7);
      const insn = slot.tag & 511;
      const phys = next.phys === true;
      const delivery = (block.flags & 4) !== 0;
      const crosses = !phys && (vaddr & 4095n) + BigInt(size) > 4096n;
      seen.accesses.push({
        stream,
        ordinal: firstOrdinal + made,
        vcpu,
        icount: state.icount + BigInt(insn),
        pc: delivery
          ? next.pageWalk === true
            ? NO_ADDRESS
            : eventIp
          : BigInt.asUintN(64, block.vaddr + BigInt(block.offsets[insn] ?? 0)),
        vaddr,
        paddr: next.device0 ?? (phys ? vaddr : findPaddr(vaddr)),
        secondPaddr: crosses ? (next.device1 ?? findPage((vaddr >> 12n) + 1n)) : undefined,
        size,
        store: (slot.tag & 512) !== 0,
        aborted: i >= members.length - (left?.aborted ?? 0),
        device: next.device0 !== undefined || next.device1 !== undefined,
        phys,
        origin: next.pageWalk === true ? 2 : delivery ? 1 : 0,
        block: id,
        insn,
        cpl: (block.flags & 1) === 0 ? 255 : block.mode & 3,
        cr3: state.cr3,
      });
      next = {};
      made++;
    });
    state.icount += BigInt(executed);
    const last = BigInt.asUintN(64, block.vaddr + BigInt(block.offsets.at(-1) ?? 0));
    state.pendingRep = (block.flags & 2) !== 0 && left === undefined ? last : NO_ADDRESS;
  }
  check(made === accessCount, 'access count');
  check(run === 0n && arun === 0n, 'no run is left');
  check(
    streams.every((each) => each.left === 0),
    'every stream is used up',
  );
}
