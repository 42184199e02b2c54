// SPDX-License-Identifier: Apache-2.0
// DynamoRIO's offline traces: packed entries of 12 bytes, {u16 type, u16 size, u64 address or value}, as its
// clients/drcachesim/common/trace_entry.h has them; version 7, a file for each vCPU.
// A branch's outcome stands in front of what follows, so its entry waits for the next instruction.

import { add64, u64FromBigint } from '../base/index.ts';
import {
  AccessFlag,
  type ChunkInfo,
  EventFlag,
  Origin,
  type Trace,
  type TraceNote,
} from '../format/index.ts';
import { type ControlFlow, cpuModeOfHflags, dataFlowOf, usualMode } from '../isa/index.ts';
import { enlarged, InstructionSites } from './instruction-sites.ts';
import type { LossCounts } from './losses.ts';
import { OutputBuffer } from './output-buffer.ts';
import { RepIterations, repeatOf } from './rep-iterations.ts';
import type { ExecutionColumns } from './walk-executions.ts';
import type { ExecutionWriter, NamedOutput } from './writer.ts';

const ENTRY_BYTES = 12;
const VERSION = 7;

/** trace_type_t */
const Entry = {
  read: 0,
  write: 1,
  instr: 10,
  directJump: 11,
  indirectJump: 12,
  directCall: 14,
  indirectCall: 15,
  return: 16,
  thread: 22,
  threadExit: 23,
  pid: 24,
  header: 25,
  footer: 26,
  marker: 28,
  instrNoFetch: 29,
  encoding: 47,
  takenJump: 48,
  untakenJump: 49,
} as const;

/** trace_marker_type_t */
const Marker = {
  kernelEvent: 0,
  kernelTransfer: 1,
  timestamp: 2,
  cpuId: 3,
  fileType: 9,
  cacheLineSize: 10,
  version: 12,
  physicalAddress: 15,
  virtualAddress: 17,
  pageSize: 18,
  branchTarget: 29,
  hardwareEvent: 43,
  hardwareContextReturn: 44,
} as const;

/** How a trace presents itself: its OFFLINE_FILE_TYPE_ bits, and the markers of interrupts. */
interface Guise {
  readonly fileType: number;
  readonly interrupt: number;
  readonly interruptReturn: number;
}

/** ARCH_X86_64, ENCODINGS */
const COMMON_TYPE = 0x40 | 0x200;

/** IFILTERED: instructions are missing, and the program counter may jump. */
const INSTRUCTIONS_FILTERED = 0x80;

/** What it is. CORE_SHARDED, WHOLE_SYSTEM. */
export const WHOLE_SYSTEM: Guise = {
  fileType: COMMON_TYPE | 0x1_0000 | 0x4_0000,
  interrupt: Marker.hardwareEvent,
  interruptReturn: Marker.hardwareContextReturn,
};

/** A program with a thread for each vCPU, and signals: DynamoRIO's simulators refuse whole systems. */
export const THREADS: Guise = {
  fileType: COMMON_TYPE,
  interrupt: Marker.kernelEvent,
  interruptReturn: Marker.kernelTransfer,
};

const LINE_BYTES = 64;
const PAGE_BYTES = 4096;
/** Of encoding bytes in one entry. */
const ENCODING_BYTES = 8;
/** Encoding entries, branch target, instruction. */
const MAX_INSTR_BYTES = 4 * ENTRY_BYTES;
const ALL_ONES = 0xffff_ffff;
/** Microseconds from 1601 to 1970. */
const EPOCH_1601_US = 11_644_473_600_000_000n;

const TYPE_OF: Readonly<Record<ControlFlow, number>> = {
  next: Entry.instr,
  'direct-jump': Entry.directJump,
  'indirect-jump': Entry.indirectJump,
  'conditional-jump': Entry.untakenJump,
  'direct-call': Entry.directCall,
  'indirect-call': Entry.indirectCall,
  return: Entry.return,
  'interrupt-return': Entry.return,
  system: Entry.instr,
};

const IS_INDIRECT: ReadonlySet<number> = new Set([
  Entry.indirectJump,
  Entry.indirectCall,
  Entry.return,
]);

/** What the entries of each instruction say, by its number. */
class Facts {
  type: Uint8Array = new Uint8Array(1 << 16);
  isInterruptReturn: Uint8Array = new Uint8Array(1 << 16);
  repeat: Uint8Array = new Uint8Array(1 << 16);
  /** Numbers of addresses and of instruction bytes: an encoding is told where it is new at its address. */
  address: Uint32Array = new Uint32Array(1 << 16);
  text: Uint32Array = new Uint32Array(1 << 16);
  readonly texts: Uint8Array[] = [];
  readonly #addresses = new Map<string, number>();
  readonly #textNumbers = new Map<string, number>();

  add(site: number, pc: string, bytes: Uint8Array, mode: number | undefined): void {
    if (site >= this.type.length) this.#grow();
    const flow = dataFlowOf(bytes, mode === undefined ? usualMode(64) : cpuModeOfHflags(mode));
    this.type[site] = TYPE_OF[flow.flow];
    this.isInterruptReturn[site] = flow.flow === 'interrupt-return' ? 1 : 0;
    this.repeat[site] = repeatOf(flow.repeats);
    this.address[site] = numberOf(this.#addresses, pc);
    const text = numberOf(this.#textNumbers, bytes.join());
    this.text[site] = text;
    this.texts[text] ??= bytes;
  }

  get addressCount(): number {
    return this.#addresses.size;
  }

  #grow(): void {
    const length = this.type.length * 2;
    this.type = enlarged(this.type, new Uint8Array(length));
    this.isInterruptReturn = enlarged(this.isInterruptReturn, new Uint8Array(length));
    this.repeat = enlarged(this.repeat, new Uint8Array(length));
    this.address = enlarged(this.address, new Uint32Array(length));
    this.text = enlarged(this.text, new Uint32Array(length));
  }
}

function numberOf(numbers: Map<string, number>, key: string): number {
  let number = numbers.get(key);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(key, number);
  }
  return number;
}

const NONE = -1;
/** Pages whose translation a file is known to have told, by the low bits of their number. */
const TOLD_PAGES = 4096;

/** The file of a vCPU. */
class Shard {
  readonly buffer: OutputBuffer = new OutputBuffer();
  readonly vcpu: number;
  /** The last instruction, while nothing but its accesses came after it. */
  last = NONE;
  /** Type of the branch that waits; its entries begin at buffer.hold. */
  waiting = NONE;
  waitsForReturn = false;
  /** Interrupts that were not returned from. */
  depth = 0;
  /** Text that was told last, by address. */
  #told: Int32Array = new Int32Array(1 << 12).fill(NONE);
  readonly #toldPages: Uint32Array = new Uint32Array(TOLD_PAGES * 4);

  constructor(vcpu: number) {
    this.vcpu = vcpu;
  }

  /** Whether this text is new at the address; it is told from here on. */
  isNewText(address: number, text: number, addressCount: number): boolean {
    if (address >= this.#told.length) {
      const grown = new Int32Array(Math.max(addressCount, this.#told.length * 2)).fill(NONE);
      this.#told = enlarged(this.#told, grown);
    }
    if (this.#told[address] === text) return false;
    this.#told[address] = text;
    return true;
  }

  /** Whether the page is not known to be told so; it is from here on. Page numbers are below 2^52. */
  isNewPage(vLo: number, vHi: number, pLo: number, pHi: number): boolean {
    const told = this.#toldPages;
    const at = ((vLo >>> 12) & (TOLD_PAGES - 1)) * 4;
    const vpageLo = (vLo & ~(PAGE_BYTES - 1)) | 1; // a slot that was never used has no such mark
    const ppageLo = pLo & ~(PAGE_BYTES - 1);
    const isTold =
      told[at] === vpageLo >>> 0 &&
      told[at + 1] === vHi &&
      told[at + 2] === ppageLo >>> 0 &&
      told[at + 3] === pHi;
    if (isTold) return false;
    told[at] = vpageLo;
    told[at + 1] = vHi;
    told[at + 2] = ppageLo;
    told[at + 3] = pHi;
    return true;
  }
}

export class DrmemtraceWriter implements ExecutionWriter {
  readonly kind = 'executions';
  readonly wantsEvents = true;
  readonly wantsPaddr: boolean;
  readonly sites: InstructionSites;
  readonly outputs: NamedOutput[] = [];
  records = 0;
  readonly #losses: LossCounts;
  readonly #guise: Guise;
  readonly #fileType: number;
  readonly #facts: Facts = new Facts();
  readonly #iterations: RepIterations = new RepIterations();
  readonly #shards = new Map<number, Shard>();
  readonly #startUs: bigint;
  #shard: Shard = new Shard(NONE);
  #chunkUs = 0n;
  #isNewChunk = false;
  /** Microseconds since 1601, more than a double can count; no two timestamps are equal. */
  #timestamp = 0n;

  constructor(trace: Trace, losses: LossCounts, guise: Guise, hasGaps: boolean) {
    this.#guise = guise;
    this.#fileType = guise.fileType | (hasGaps ? INSTRUCTIONS_FILTERED : 0);
    this.wantsPaddr = trace.capabilities.paddr.status !== 'no';
    this.#losses = losses;
    const started = Date.parse(trace.header.recorder.startedAt ?? '');
    this.#startUs = BigInt(Number.isNaN(started) ? 0 : started) * 1000n + EPOCH_1601_US;
    this.sites = new InstructionSites(trace.code, (site, bytes, mode) => {
      const pc = `${this.sites.pcHi[site]}:${this.sites.pcLo[site]}`;
      this.#facts.add(site, pc, bytes, mode);
    });
  }

  chunk({ hostBeginNs }: ChunkInfo): void {
    this.#chunkUs = this.#startUs + BigInt(Math.floor(hostBeginNs / 1000));
    this.#isNewChunk = true;
  }

  enter(vcpu: number): void {
    if (vcpu !== this.#shard.vcpu) this.#shard = this.#shardOf(vcpu);
    // Nothing stands between a branch and its target, unless another vCPU ran meanwhile.
    else if (!this.#isNewChunk || this.#shard.waiting !== NONE) return;
    this.#isNewChunk = false;
    this.#stamp();
  }

  instruction(site: number): void {
    const shard = this.#shard;
    const facts = this.#facts;
    const out = shard.buffer;
    out.reserve(2 * ENTRY_BYTES + MAX_INSTR_BYTES);
    const repeat = facts.repeat[site];
    const { last } = shard; // the rest of a rep instruction may stand in another block
    const isContinued =
      repeat !== 0 && last !== NONE && facts.address[last] === facts.address[site];
    this.#settle(shard, this.sites.pcLo[site], this.sites.pcHi[site]);
    this.#return(shard);
    const type = facts.type[site];
    const isBranch = type !== Entry.instr;
    if (isBranch) out.hold = out.length;
    this.#encoding(shard, site);
    if (IS_INDIRECT.has(type)) this.#entry(out, Entry.marker, Marker.branchTarget, 0, 0);
    this.#instr(out, isContinued ? Entry.instrNoFetch : type, site);
    if (isBranch) shard.waiting = type;
    shard.waitsForReturn = facts.isInterruptReturn[site] !== 0;
    shard.last = site;
    this.#iterations.reset(repeat);
  }

  access(columns: ExecutionColumns, i: number): void {
    const { vaddr, flags, size, paddr } = columns;
    const lo = vaddr[2 * i];
    const hi = vaddr[2 * i + 1];
    const isStore = (flags[i] & AccessFlag.store) !== 0;
    const shard = this.#shard;
    const out = shard.buffer;
    out.reserve(4 * ENTRY_BYTES);
    if (this.#iterations.begins(isStore, lo, hi)) {
      this.#instr(out, Entry.instrNoFetch, shard.last);
    }
    if (this.wantsPaddr) {
      const pLo = paddr[2 * i];
      const pHi = paddr[2 * i + 1];
      const isKnown = pLo !== ALL_ONES || pHi !== ALL_ONES;
      if (isKnown && shard.isNewPage(lo, hi, pLo, pHi)) {
        const mask = ~(PAGE_BYTES - 1);
        this.#entry(out, Entry.marker, Marker.physicalAddress, pLo & mask, pHi);
        this.#entry(out, Entry.marker, Marker.virtualAddress, lo & mask, hi);
      }
    }
    this.#entry(out, isStore ? Entry.write : Entry.read, size[i], lo, hi);
  }

  implicit(columns: ExecutionColumns, i: number): void {
    // A reference belongs to the instruction before it: these would be blamed on another.
    if ((columns.flags[i] & AccessFlag.origin) === Origin.pageWalk) this.#losses.pageWalks++;
    else this.#losses.eventDeliveries++;
  }

  skip(vcpu: number, lo: number, hi: number): void {
    const shard = this.#shards.get(vcpu);
    if (shard === undefined) return;
    this.#settle(shard, lo, hi);
    this.#return(shard);
    shard.last = NONE;
  }

  event(note: TraceNote): void {
    if (note.kind !== 'event') return;
    let { lo, hi } = u64FromBigint(note.ip);
    const isKnown = lo !== ALL_ONES || hi !== ALL_ONES;
    if (!isKnown || (note.what & (EventFlag.smmLeft | EventFlag.reset)) !== 0) {
      this.#losses.events++;
      return;
    }
    if (note.vcpu !== this.#shard.vcpu) this.enter(note.vcpu);
    const shard = this.#shard;
    const { pcLo, pcHi, size } = this.sites;
    const { last } = shard;
    const isAt = last !== NONE && pcLo[last] === lo && pcHi[last] === hi;
    if ((note.what & EventFlag.software) !== 0 && isAt) {
      // The instruction has run, and is returned behind.
      ({ lo, hi } = add64(lo, hi, size[last], 0));
    }
    const out = shard.buffer;
    out.reserve(2 * ENTRY_BYTES);
    this.#settle(shard, lo, hi);
    this.#return(shard);
    this.#entry(out, Entry.marker, this.#guise.interrupt, lo, hi);
    shard.last = NONE;
    shard.depth++;
  }

  finish(): void {
    for (const shard of this.#shards.values()) {
      const out = shard.buffer;
      out.hold = Number.POSITIVE_INFINITY; // where the last branch led is not known: not taken, or to 0
      out.reserve(2 * ENTRY_BYTES);
      this.#entry(out, Entry.threadExit, 0, shard.vcpu + 1, 0);
      this.#entry(out, Entry.footer, 0, 0, 0);
    }
  }

  #shardOf(vcpu: number): Shard {
    let shard = this.#shards.get(vcpu);
    if (shard === undefined) {
      shard = new Shard(vcpu);
      this.#shards.set(vcpu, shard);
      this.outputs.push({ name: `vcpu-${vcpu}.trace.gz`, buffer: shard.buffer });
      const out = shard.buffer;
      this.#entry(out, Entry.header, 0, VERSION, 0);
      this.#entry(out, Entry.marker, Marker.version, VERSION, 0);
      this.#entry(out, Entry.marker, Marker.fileType, this.#fileType, 0);
      this.#entry(out, Entry.thread, 4, vcpu + 1, 0);
      this.#entry(out, Entry.pid, 4, 1, 0);
      this.#entry(out, Entry.marker, Marker.cacheLineSize, LINE_BYTES, 0);
      this.#entry(out, Entry.marker, Marker.pageSize, PAGE_BYTES, 0);
    }
    return shard;
  }

  /** Time and vCPU, when the vCPU goes on after another one, and now and then. */
  #stamp(): void {
    const { buffer, vcpu } = this.#shard;
    const next = this.#timestamp + 1n;
    this.#timestamp = next > this.#chunkUs ? next : this.#chunkUs;
    const { lo, hi } = u64FromBigint(this.#timestamp);
    buffer.reserve(2 * ENTRY_BYTES);
    this.#entry(buffer, Entry.marker, Marker.timestamp, lo, hi);
    this.#entry(buffer, Entry.marker, Marker.cpuId, vcpu, 0);
  }

  #encoding(shard: Shard, site: number): void {
    const facts = this.#facts;
    const text = facts.text[site];
    if (!shard.isNewText(facts.address[site], text, facts.addressCount)) return;
    const bytes = facts.texts[text];
    const out = shard.buffer;
    for (let at = 0; at < bytes.length; at += ENCODING_BYTES) {
      const count = Math.min(ENCODING_BYTES, bytes.length - at);
      out.u16(Entry.encoding);
      out.u16(count);
      for (let n = 0; n < ENCODING_BYTES; n++) out.byte(n < count ? bytes[at + n] : 0);
      this.records++;
    }
  }

  #instr(out: OutputBuffer, type: number, site: number): void {
    const { pcLo, pcHi, size } = this.sites;
    this.#entry(out, type, size[site], pcLo[site], pcHi[site]);
  }

  /** Behind an iret, and what it popped: of an interrupt that was seen, since markers come in pairs. */
  #return(shard: Shard): void {
    if (!shard.waitsForReturn) return;
    shard.waitsForReturn = false;
    if (shard.depth === 0) return;
    shard.depth--;
    const { pcLo, pcHi, size } = this.sites;
    const behind = add64(pcLo[shard.last], pcHi[shard.last], size[shard.last], 0);
    this.#entry(shard.buffer, Entry.marker, this.#guise.interruptReturn, behind.lo, behind.hi);
  }

  /** The branch that waits led there. */
  #settle(shard: Shard, lo: number, hi: number): void {
    const { waiting, buffer: out, last } = shard;
    if (waiting === NONE) return;
    shard.waiting = NONE;
    let at = out.hold;
    while (out.view.getUint16(at, true) === Entry.encoding) at += ENTRY_BYTES;
    if (IS_INDIRECT.has(waiting)) {
      out.view.setUint32(at + 4, lo, true);
      out.view.setUint32(at + 8, hi, true);
    } else if (waiting === Entry.untakenJump) {
      const next = this.sites.pcLo[last] + this.sites.size[last];
      if (next >>> 0 !== lo) out.view.setUint16(at, Entry.takenJump, true);
    }
    out.hold = Number.POSITIVE_INFINITY;
  }

  #entry(out: OutputBuffer, type: number, size: number, lo: number, hi: number): void {
    out.u16(type);
    out.u16(size);
    out.u64(lo, hi);
    this.records++;
  }
}
