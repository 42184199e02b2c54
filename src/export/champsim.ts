// SPDX-License-Identifier: Apache-2.0
// ChampSim's traces: a record of 64 bytes for each instruction, inc/trace_instruction.h's input_instr. It finds
// out what kind of branch an instruction is from the registers it uses, so branches have those that stand for
// their kind. Whether a branch was taken shows with what follows: its record waits for that.

import { u64FromBigint } from '../base/index.ts';
import { AccessFlag, type ChunkInfo, Origin, type Trace, type TraceNote } from '../format/index.ts';
import {
  type ControlFlow,
  cpuModeOfHflags,
  type DataFlow,
  dataFlowOf,
  usualMode,
} from '../isa/index.ts';
import { enlarged, InstructionSites } from './instruction-sites.ts';
import type { LossCounts } from './losses.ts';
import { OutputBuffer } from './output-buffer.ts';
import { RepIterations, repeatOf } from './rep-iterations.ts';
import type { ExecutionColumns } from './walk-executions.ts';
import type { ExecutionWriter, NamedOutput } from './writer.ts';

/** Where the fields of a record are. */
const At = { isBranch: 8, taken: 9, written: 10, read: 12, stores: 16, loads: 32 } as const;
const RECORD_BYTES = 64;
const WRITTEN_REGISTERS = 2;
const READ_REGISTERS = 4;
const STORES = 2;
const LOADS = 4;

/** Numbers of registers, those of the Pin tool that ChampSim's own tracer is. 0 is none. */
const RSP = 6;
const RFLAGS = 25;
const RIP = 26;
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...(['rdi', 'rsi', 'rbp', 'rsp', 'rbx', 'rdx', 'rcx', 'rax'] as const).map(numberFrom(3)),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const).map(numberFrom(11)),
  ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'rflags', 'rip'] as const).map(numberFrom(19)),
]);

function numberFrom(first: number): (name: string, at: number) => [string, number] {
  return (name, at) => [name, first + at];
}

/** Of the others: vectors, x87, masks, control and debug registers; what is left shares a number. */
const FAMILIES: ReadonlyMap<string, number> = new Map([
  ['zmm', 64],
  ['st', 96],
  ['mm', 104],
  ['k', 112],
  ['cr', 128],
  ['dr', 144],
]);
const ANOTHER = 255;

/** The registers, written and read, that stand for a kind of branch; `others`: and those it reads besides. */
interface BranchRegisters {
  readonly written: readonly number[];
  readonly read: readonly number[];
  readonly others: boolean;
}

const BRANCHES: Readonly<Record<ControlFlow, BranchRegisters | undefined>> = {
  next: undefined,
  'direct-jump': { written: [RIP], read: [RIP], others: false },
  'indirect-jump': { written: [RIP], read: [], others: true },
  'conditional-jump': { written: [RIP], read: [RIP], others: true },
  'direct-call': { written: [RIP, RSP], read: [RIP, RSP], others: false },
  'indirect-call': { written: [RIP, RSP], read: [RIP, RSP], others: true },
  return: { written: [RIP, RSP], read: [RSP], others: false },
  // No kind of ChampSim's, and not predicted as one: taken for "other".
  'interrupt-return': { written: [RIP], read: [RFLAGS], others: false },
  system: { written: [RIP], read: [RFLAGS], others: false },
};

/** What a record has before its memory, by the instruction's number. */
class Templates {
  bytes: Uint8Array = new Uint8Array(At.stores << 14);
  repeat: Uint8Array = new Uint8Array(1 << 14);
  flow: Uint8Array = new Uint8Array(1 << 14);

  add(site: number, pcLo: number, pcHi: number, flow: DataFlow): void {
    if (site >= this.repeat.length) this.#grow();
    const begin = site * At.stores;
    const record = this.bytes.subarray(begin, begin + At.stores);
    const view = new DataView(record.buffer, record.byteOffset, At.stores);
    view.setUint32(0, pcLo, true);
    view.setUint32(4, pcHi, true);
    const { written, read } = registersOf(flow);
    record.set(written.slice(0, WRITTEN_REGISTERS), At.written);
    record.set(read.slice(0, READ_REGISTERS), At.read);
    const isBranch = flow.flow !== 'next';
    record[At.isBranch] = isBranch ? 1 : 0;
    record[At.taken] = isBranch && flow.flow !== 'conditional-jump' ? 1 : 0;
    this.flow[site] = flow.flow === 'conditional-jump' ? CONDITIONAL : 0;
    this.repeat[site] = repeatOf(flow.repeats);
  }

  #grow(): void {
    this.bytes = enlarged(this.bytes, new Uint8Array(this.bytes.length * 2));
    this.repeat = enlarged(this.repeat, new Uint8Array(this.repeat.length * 2));
    this.flow = enlarged(this.flow, new Uint8Array(this.flow.length * 2));
  }
}

const CONDITIONAL = 1;

function registersOf({ flow, reads, writes }: DataFlow): {
  readonly written: readonly number[];
  readonly read: readonly number[];
} {
  const branch = BRANCHES[flow];
  if (branch === undefined) {
    return { written: numbersOf(writes, []), read: numbersOf(reads, []) };
  }
  if (!branch.others) return branch;
  const isConditional = flow === 'conditional-jump';
  // The flags and the stack pointer would make it another kind of branch.
  const others = numbersOf(reads, isConditional ? [RSP] : [RSP, RFLAGS]);
  const counters = isConditional ? numbersOf(writes, [RFLAGS]) : []; // of loop
  return {
    written: [...branch.written, ...counters],
    read: [...branch.read, ...(others.length === 0 ? [ANOTHER] : others)],
  };
}

function numbersOf(names: readonly string[], without: readonly number[]): readonly number[] {
  return names.map(numberOfRegister).filter((number) => !without.includes(number));
}

function numberOfRegister(name: string): number {
  const known = NUMBERS.get(name);
  if (known !== undefined) return known;
  const [, family = '', number = ''] = /^([a-z]+)(\d+)$/.exec(name) ?? [];
  const first = FAMILIES.get(family);
  return first === undefined ? ANOTHER : first + Number(number);
}

const NONE = -1;

export class ChampsimWriter implements ExecutionWriter {
  readonly kind = 'executions';
  readonly wantsEvents = true;
  readonly wantsPaddr = false;
  readonly sites: InstructionSites;
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #buffer: OutputBuffer = new OutputBuffer();
  readonly #losses: LossCounts;
  readonly #templates: Templates = new Templates();
  readonly #iterations: RepIterations = new RepIterations();
  #site = NONE;
  /** The last record, at buffer.hold, is that of a conditional branch. */
  #waits = false;
  #stores = 0;
  #loads = 0;

  constructor(trace: Trace, losses: LossCounts) {
    this.outputs = [{ name: '', buffer: this.#buffer }];
    this.#losses = losses;
    this.sites = new InstructionSites(trace.code, (site, bytes, mode) => {
      const cpuMode = mode === undefined ? usualMode(64) : cpuModeOfHflags(mode);
      const { pcLo, pcHi } = this.sites;
      this.#templates.add(site, pcLo[site], pcHi[site], dataFlowOf(bytes, cpuMode));
    });
  }

  chunk(_info: ChunkInfo): void {
    // Time is not kept.
  }

  enter(_vcpu: number): void {
    // There is but one.
  }

  instruction(site: number): void {
    if (this.#waits) this.#settle(this.sites.pcLo[site]);
    this.#site = site;
    this.#record();
    this.#waits = this.#templates.flow[site] === CONDITIONAL;
    this.#iterations.reset(this.#templates.repeat[site]);
  }

  access(columns: ExecutionColumns, i: number): void {
    const { vaddr, flags } = columns;
    const lo = vaddr[2 * i];
    const hi = vaddr[2 * i + 1];
    const isStore = (flags[i] & AccessFlag.store) !== 0;
    const isNext = this.#iterations.begins(isStore, lo, hi);
    const isFull = isStore ? this.#stores === STORES : this.#loads === LOADS;
    if (isNext) this.#record();
    else if (isFull) this.#spill();
    if ((flags[i] & AccessFlag.device) !== 0) {
      this.#losses.devices++;
      return;
    }
    if (lo === 0 && hi === 0) {
      this.#losses.addressZero++;
      return;
    }
    const field = isStore ? At.stores + 8 * this.#stores++ : At.loads + 8 * this.#loads++;
    const at = this.#buffer.hold + field;
    this.#buffer.view.setUint32(at, lo, true);
    this.#buffer.view.setUint32(at + 4, hi, true);
  }

  implicit(columns: ExecutionColumns, i: number): void {
    if ((columns.flags[i] & AccessFlag.origin) === Origin.pageWalk) this.#losses.pageWalks++;
    else this.#losses.eventDeliveries++;
  }

  skip(_vcpu: number, lo: number, _hi: number): void {
    if (this.#waits) this.#settle(lo);
  }

  event(note: TraceNote): void {
    if (note.kind !== 'event' || !this.#waits) return;
    // An address that is not known counts as taken: so does ChampSim take what follows.
    this.#settle(u64FromBigint(note.ip).lo);
  }

  finish(): void {
    this.#buffer.hold = Number.POSITIVE_INFINITY;
  }

  /** One more of the instruction, without memory so far. */
  #record(): void {
    const out = this.#buffer;
    out.reserve(RECORD_BYTES);
    const at = out.length;
    const { bytes } = out;
    const template = this.#templates.bytes;
    const begin = this.#site * At.stores;
    for (let n = 0; n < At.stores; n++) bytes[at + n] = template[begin + n];
    bytes.fill(0, at + At.stores, at + RECORD_BYTES);
    out.hold = at;
    out.length = at + RECORD_BYTES;
    this.#stores = 0;
    this.#loads = 0;
    this.records++;
  }

  /** The record is full: what it has of memory goes before, as an instruction that uses nothing else. */
  #spill(): void {
    const { bytes, hold } = this.#buffer;
    bytes.fill(0, hold + At.isBranch, hold + At.stores);
    this.#record();
  }

  /** The branch that waits led there, low half: a branch does not reach 4 GiB far. */
  #settle(lo: number): void {
    const out = this.#buffer;
    const { pcLo, size } = this.sites;
    const next = (pcLo[this.#site] + size[this.#site]) >>> 0;
    if (next !== lo) out.bytes[out.hold + At.taken] = 1;
    this.#waits = false;
  }
}
