// SPDX-License-Identifier: Apache-2.0
// The delivery of interrupts and exceptions: SDM volume 3, 6.12 to 6.14 (gates, stacks, frames) and 20.1.4 (real
// mode). An event whose delivery is in the trace has all of its accesses, or led to another event before it was
// through. Nothing is known of where tables and stacks lie, only how their fields lie beside each other.

import type { AccessColumns as BatchColumns, PlacedNote } from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { AccessFlag, type CodeTable, EventFlag, Origin } from '../format/index.ts';
import { type CpuMode, cpuModeOfHflags, TSS_FORMATS, type TssFormat } from '../isa/index.ts';
import { type AccessColumns, addressAt } from './access-columns.ts';

type EventNote = Extract<PlacedNote, { kind: 'event' }>;

/** An event, the delivery of which is not as the manual has it. */
export interface WrongDelivery {
  readonly stream: number;
  /** Position of the delivery's block execution in the stream. */
  readonly execution: number;
  /** Undefined: accesses of a delivery stand there without an event. */
  readonly vector: number | undefined;
  /** Linear address where it was taken; undefined when that is not known. */
  readonly ip: string | undefined;
  readonly loads: number;
  readonly stores: number;
}

/** Plain data. */
export interface DeliveryTally {
  /** Deliveries in the trace. */
  deliveries: number;
  /** Of them, those that led to another event before they were through, or that a chunk ends with. */
  unfinished: number;
  wrong: number;
  /** Interrupts and exceptions without their delivery in the trace, and those of them of which the vCPU is not known. */
  lost: number;
  lostOfUnknownVcpu: number;
  /** The first wrong ones. */
  places: readonly WrongDelivery[];
}

const SHOWN = 20;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
/** Nothing is delivered by a gate. */
const WITHOUT_DELIVERY =
  EventFlag.smmEntered |
  EventFlag.smmLeft |
  EventFlag.reset |
  EventFlag.restored |
  EventFlag.guestExit;
/** With an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC (SDM volume 3, table 6-1). */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

export function emptyDeliveries(): DeliveryTally {
  return { deliveries: 0, unfinished: 0, wrong: 0, lost: 0, lostOfUnknownVcpu: 0, places: [] };
}

export function addDeliveries(a: DeliveryTally, b: DeliveryTally): void {
  a.deliveries += b.deliveries;
  a.unfinished += b.unfinished;
  a.wrong += b.wrong;
  a.lost += b.lost;
  a.lostOfUnknownVcpu += b.lostOfUnknownVcpu;
  a.places = [...a.places, ...b.places]
    .sort((x, y) => x.stream - y.stream || x.execution - y.execution)
    .slice(0, SHOWN);
}

/** One access of a delivery, `offset` bytes from where its table, stack or task state begins. */
interface Step {
  readonly store: boolean;
  readonly bytes: number;
  readonly of: string;
  readonly offset: number;
}

interface Made {
  readonly store: boolean;
  readonly bytes: number;
  readonly address: bigint;
}

type Way = readonly Step[];

function words(bytes: number, of: string, ...offsets: number[]): Step[] {
  return offsets.map((offset) => ({ store: false, bytes, of, offset }));
}

/** All ways to deliver but by a task gate: QEMU reads a descriptor and a gate in words of 4 bytes. */
function waysToDeliver(mode: CpuMode, hasErrorCode: boolean): readonly Way[] {
  const frame = (bytes: number, count: number): Step[] =>
    Array.from({ length: count }, (_, i) => ({
      store: true,
      bytes,
      of: 'stack',
      offset: -bytes * (i + 1),
    }));
  if (!mode.hasDescriptors) return [[...words(2, 'gate', 0, 2), ...frame(2, 3)]];
  const errorCode = hasErrorCode ? 1 : 0;
  const code = words(4, 'code', 0, 4);
  if (mode.isLong) {
    const gate = words(4, 'gate', 0, 4, 8);
    // SS, RSP, RFLAGS, CS, RIP; the stack is that of the TSS when the level or the gate says so.
    return [[], words(8, 'tss', 0)].map((tss) => [
      ...gate,
      ...code,
      ...tss,
      ...frame(8, 5 + errorCode),
    ]);
  }
  const gate = words(4, 'gate', 0, 4);
  const innerStacks = [[...words(4, 'tss', 0), ...words(2, 'tss', 4)], words(2, 'tss', 0, 2)].map(
    (tss) => [...tss, ...words(4, 'stack segment', 0, 4)],
  );
  return [4, 2].flatMap((bytes) => [
    // EFLAGS, CS, EIP.
    [...gate, ...code, ...frame(bytes, 3 + errorCode)],
    // Before them SS and ESP; from virtual-8086 mode, before those, GS, FS, DS, ES.
    ...innerStacks.flatMap((inner) =>
      [5, 9].map((count) => [...gate, ...code, ...inner, ...frame(bytes, count + errorCode)]),
    ),
  ]);
}

/** By a task gate, SDM volume 3, 8.2 and 8.3: the new task is read, the old one stored, then segments are loaded. */
function waysByTaskGate(hasErrorCode: boolean): readonly Way[] {
  const fields = (of: string, { ip, es, wordBytes, segments }: TssFormat): Step[] => [
    ...words(wordBytes, of, ...Array.from({ length: STATE_WORDS }, (_, i) => ip + wordBytes * i)),
    ...words(2, of, ...Array.from({ length: segments }, (_, i) => es + wordBytes * i)),
  ];
  const stores = (steps: Step[]): Step[] => steps.map((step) => ({ ...step, store: true }));
  return TSS_FORMATS.flatMap((from) =>
    TSS_FORMATS.flatMap((to) => {
      const switched = [
        ...words(4, 'gate', 0, 4),
        ...words(4, 'task', 0, 4),
        ...(to.cr3 === undefined ? [] : words(4, 'new', to.cr3)),
        ...fields('new', to),
        ...words(2, 'new', to.ldt, ...(to.trap === undefined ? [] : [to.trap])),
        ...stores([...fields('old', from), ...words(2, 'new', 0)]),
        ...words(4, 'task', 4),
        ...stores(words(4, 'task', 4)),
      ];
      // An LDT, CS, SS and what else is not null; in virtual-8086 mode nothing, or the LDT.
      return Array.from({ length: to.segments + 2 }, (_way, descriptors) => [
        ...switched,
        ...Array.from({ length: descriptors }, (_, i) => words(4, `segment ${i}`, 0, 4)).flat(),
        ...(hasErrorCode ? stores(words(to.wordBytes, 'stack', 0)) : []),
      ]);
    }),
  );
}

/** E/IP, E/FLAGS and the general registers. */
const STATE_WORDS = 10;
const BY_TASK_GATE = { with: waysByTaskGate(true), without: waysByTaskGate(false) };

/** The accesses are the first ones of this way, or all. */
function fits(way: Way, made: readonly Made[], mode: CpuMode): boolean {
  const bases = new Map<string, bigint>();
  return made.every(({ store, bytes, address }, i) => {
    const step = way[i];
    if (step === undefined || step.store !== store || step.bytes !== bytes) return false;
    // A stack may be one of 16 bits.
    const bits = mode.isLong ? 64 : step.of === 'stack' ? 16 : 32;
    const base = BigInt.asUintN(bits, address - BigInt(step.offset));
    const known = bases.get(step.of) ?? base;
    bases.set(step.of, known);
    // In long mode a frame begins at a multiple of 16 bytes.
    return known === base && !(mode.isLong && step.of === 'stack' && base % 16n !== 0n);
  });
}

function judgeDelivery(
  mode: CpuMode,
  hasErrorCode: boolean,
  made: readonly Made[],
): 'whole' | 'begun' | 'wrong' {
  const fitting = (ways: readonly Way[]): readonly Way[] =>
    ways.filter((way) => fits(way, made, mode));
  let possible = fitting(waysToDeliver(mode, hasErrorCode));
  if (possible.length === 0 && mode.hasDescriptors && !mode.isLong) {
    possible = fitting(BY_TASK_GATE[hasErrorCode ? 'with' : 'without']);
  }
  if (possible.length === 0) return 'wrong';
  return possible.some((way) => way.length === made.length) ? 'whole' : 'begun';
}

/** Judges deliveries; it is given whole chunks, slice by slice. */
export class DeliveryAuditor {
  readonly tally: DeliveryTally = emptyDeliveries();
  private readonly code: CodeTable;
  /** Event notes of the slice. */
  private events: readonly EventNote[] = [];
  /** A delivery that is not through, the last execution of its slice. */
  private begun: WrongDelivery | undefined;

  constructor(code: CodeTable) {
    this.code = code;
  }

  beginSlice({ notes = [], runs }: BatchColumns): void {
    this.events = notes.filter((note) => note.kind === 'event');
    for (const { what } of this.events) this.countLost(what);
    const { begun } = this;
    if (begun === undefined) return;
    const leadsOn = this.events.some(({ block }) => block === begun.execution + 1);
    if (leadsOn) this.tally.unfinished++;
    else if (requireDefined(runs, 'asked for').length > 0) this.addWrong(begun);
    else return;
    this.begun = undefined;
  }

  /** No more of the chunk comes: what it ends with, nobody can say. */
  endChunk(): void {
    if (this.begun !== undefined) this.tally.unfinished++;
    this.begun = undefined;
  }

  /** The execution, at this position of its stream, of a block without code; its accesses begin to end. */
  take(
    { stream, execution, block }: { stream: number; execution: number; block: number },
    columns: AccessColumns,
    begin: number,
    end: number,
    isLastOfSlice: boolean,
  ): void {
    const made = accessesOfDelivery(columns, begin, end);
    const event = this.events.findLast(
      (note) => note.block === execution && (note.what & EventFlag.delivered) !== 0,
    );
    // Only page walks, at the end of a recording.
    if (event === undefined && made.length === 0) return;
    this.tally.deliveries++;
    const place: WrongDelivery = {
      stream,
      execution,
      vector: event?.vector,
      ip: event === undefined || event.ip === ALL_ONES ? undefined : `0x${event.ip.toString(16)}`,
      loads: made.filter(({ store }) => !store).length,
      stores: made.filter(({ store }) => store).length,
    };
    const hflags = this.code.mode(block);
    const verdict =
      event === undefined || hflags === undefined
        ? 'wrong'
        : judgeDelivery(cpuModeOfHflags(hflags), pushesErrorCode(event), made);
    if (verdict === 'wrong') this.addWrong(place);
    if (verdict !== 'begun') return;
    if (this.events.some((note) => note.block === execution + 1)) this.tally.unfinished++;
    else if (isLastOfSlice) this.begun = place;
    else this.addWrong(place);
  }

  private countLost(what: number): void {
    if ((what & (EventFlag.delivered | WITHOUT_DELIVERY)) !== 0) return;
    this.tally.lost++;
    if ((what & EventFlag.vcpuUnknown) !== 0) this.tally.lostOfUnknownVcpu++;
  }

  private addWrong(place: WrongDelivery): void {
    addDeliveries(this.tally, { ...emptyDeliveries(), wrong: 1, places: [place] });
  }
}

function pushesErrorCode({ what, vector }: EventNote): boolean {
  return (what & (EventFlag.hardware | EventFlag.software)) === 0 && WITH_ERROR_CODE.has(vector);
}

function accessesOfDelivery(columns: AccessColumns, begin: number, end: number): readonly Made[] {
  const made: Made[] = [];
  for (let at = begin; at < end; at++) {
    const flags = columns.flags[at];
    if ((flags & AccessFlag.origin) !== Origin.eventDelivery) continue;
    made.push({
      store: (flags & AccessFlag.store) !== 0,
      bytes: columns.size[at],
      address: addressAt(columns, at),
    });
  }
  return made;
}
