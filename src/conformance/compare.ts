// SPDX-License-Identifier: Apache-2.0
// Expected and recorded accesses as lines that are equal when the accesses are. Accesses are compared by
// bytes: QEMU may make one of 16 bytes as two of 8, and parts in different frames stand apart.

import { type Capabilities, EventFlag } from '../format/index.ts';
import type { Access, GuestFile, GuestRun } from '../guests/index.ts';
import {
  type EventHappening,
  type ExpectedAccess,
  type Happening,
  instructionKey,
} from './expected.ts';
import { type EventBy, splitLine } from './statements.ts';

const PAGE = 4096n;

/** Bytes in a row, in virtual and in physical memory. */
interface Extent {
  readonly first: ExpectedAccess;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly size: bigint;
}

export interface LineWriter {
  lines(
    happenings: readonly Happening[],
    unordered: ReadonlySet<string>,
    instructions: number,
  ): string[];
}

type ComparedCapabilities = Pick<Capabilities, 'icount' | 'cpl' | 'paddr' | 'address-space'>;

/** For one run: columns that its QEMU does not give are left out of the comparison. */
export function lineWriterFor(
  guest: Pick<GuestFile, 'symbols' | 'lines'>,
  { icount, cpl, paddr, 'address-space': addressSpace }: ComparedCapabilities,
): LineWriter {
  const counts = icount.status === 'yes';
  const nameOf = codeNames(guest);

  const showExtent = ({ first, vaddr, paddr: frame, size }: Extent): string => {
    // QEMU 7.2 gives no physical address of ROM and of what is above 4 GiB, and the trace says so.
    const knowsFrame = paddr.status === 'yes' || (!isRom(vaddr) && vaddr < 2n ** 32n);
    return [
      ...(counts ? [`+${first.icount}`] : []),
      nameOf(first.pc),
      `${first.store ? 'w' : 'r'}${size}:${hex(vaddr)}@${knowsFrame ? hex(frame) : '?'}`,
      ...(first.origin === 'instruction' ? [] : [first.origin]),
      ...(first.aborted ? ['aborted'] : []),
      ...(first.device ? ['device'] : []),
      ...(cpl.status === 'yes' ? [`cpl${first.cpl}`] : []),
      ...(addressSpace.status === 'yes' ? [`cr3=${hex(first.cr3)}`] : []),
    ].join(' ');
  };
  const showEvent = (event: EventHappening): string =>
    [
      `event ${event.vector} ${event.by} at ${nameOf(event.at)} error ${event.error}`,
      ...(event.cr2 === undefined ? [] : [`cr2 ${hex(event.cr2)}`]),
    ].join(' ');

  return {
    lines: (happenings, unordered, instructions) => {
      const lines: string[] = [];
      let extents: Extent[] = [];
      let key = '';
      const flush = (): void => {
        const merged = unordered.has(key) ? mergeUnordered(extents) : merge(extents);
        for (const extent of merged) lines.push(showExtent(extent));
        extents = [];
      };
      for (const happening of happenings) {
        if (happening.kind === 'event') {
          flush();
          lines.push(showEvent(happening));
          continue;
        }
        const { access } = happening;
        const next = instructionKey(access.icount, access.pc);
        if (next !== key) flush();
        key = next;
        extents.push(...splitAtPage(access));
      }
      flush();
      if (counts) lines.push(`${instructions} instructions`);
      return lines;
    },
  };
}

function splitAtPage(access: ExpectedAccess): Extent[] {
  const { vaddr, paddr, secondPaddr, size } = access;
  const toBoundary = PAGE - (vaddr % PAGE);
  if (BigInt(size) <= toBoundary) return [{ first: access, vaddr, paddr, size: BigInt(size) }];
  return [
    { first: access, vaddr, paddr, size: toBoundary },
    {
      first: access,
      vaddr: vaddr + toBoundary,
      paddr: secondPaddr ?? paddr + toBoundary,
      size: BigInt(size) - toBoundary,
    },
  ];
}

function merge(extents: readonly Extent[]): Extent[] {
  const merged: Extent[] = [];
  for (const extent of extents) {
    const last = merged.at(-1);
    if (last !== undefined && continues(last, extent)) {
      merged[merged.length - 1] = { ...last, size: last.size + extent.size };
    } else {
      merged.push(extent);
    }
  }
  return merged;
}

/** From single bytes, so that it does not show in which pieces they came where pieces overlap. */
function mergeUnordered(extents: readonly Extent[]): Extent[] {
  const merged: Extent[] = [];
  for (const byte of extents.flatMap(bytesOf).sort(compareExtents)) {
    const at = merged.findIndex((each) => continues(each, byte));
    const last = merged[at];
    if (last === undefined) merged.push(byte);
    else merged[at] = { ...last, size: last.size + 1n };
  }
  return merged;
}

function bytesOf({ first, vaddr, paddr, size }: Extent): Extent[] {
  return Array.from({ length: Number(size) }, (_, i) => {
    const offset = BigInt(i);
    return { first, vaddr: vaddr + offset, paddr: paddr + offset, size: 1n };
  });
}

function continues(last: Extent, next: Extent): boolean {
  return (
    last.vaddr + last.size === next.vaddr &&
    last.paddr + last.size === next.paddr &&
    last.first.store === next.first.store &&
    last.first.icount === next.first.icount &&
    last.first.pc === next.first.pc &&
    last.first.aborted === next.first.aborted &&
    last.first.device === next.first.device &&
    last.first.origin === next.first.origin &&
    last.first.cpl === next.first.cpl &&
    last.first.cr3 === next.first.cr3
  );
}

function compareExtents(left: Extent, right: Extent): number {
  const [a, b] = [left, right].map(({ first, vaddr }) => (first.store ? 1n << 64n : 0n) + vaddr);
  return Number((a ?? 0n) - (b ?? 0n));
}

function isRom(address: bigint): boolean {
  return address >= 0xf0000n && address < 0x100000n;
}

/** Names of addresses in code: "plain.asm:42 {mov al, [data]}", a symbol, else the number. */
function codeNames(guest: Pick<GuestFile, 'symbols' | 'lines'>): (pc: bigint) => string {
  const names = new Map<bigint, string>();
  for (const [name, value] of guest.symbols) if (/^[a-z]/.test(name)) names.set(value, name);
  for (const line of guest.lines) {
    const { label = '', file, number } = line;
    const value = guest.symbols.get(label);
    if (value === undefined || !label.startsWith('..@')) continue;
    names.set(value, `${file}:${number} {${splitLine(line).code}}`);
  }
  return (pc) => names.get(pc) ?? hex(pc);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

const EVENTS: readonly (readonly [number, EventBy])[] = [
  [EventFlag.software, 'software'],
  [EventFlag.hardware, 'interrupt'],
  [EventFlag.smmEntered, 'smm-enter'],
  [EventFlag.smmLeft, 'smm-leave'],
  [EventFlag.reset, 'reset'],
  [EventFlag.restored, 'restored'],
  [EventFlag.guestExit, 'guest-exit'],
];

function eventBy(what: number): EventBy {
  return EVENTS.find(([flag]) => (what & flag) !== 0)?.[1] ?? 'exception';
}

/** A page fault, or a nested guest that was left for an address that nested paging does not map. */
function hasAddress({ vector, what, cr2 }: { vector: number; what: number; cr2: bigint }): boolean {
  return vector === 14 || ((what & EventFlag.guestExit) !== 0 && cr2 !== 0n);
}

/** What a case did: the accesses and events of its vCPU behind access `begin` and before `end`. */
export function recordedHappenings(run: GuestRun, begin: Access, end: Access): Happening[] {
  const isOfCase = (stream: number, vcpu: number): boolean =>
    stream === begin.stream && vcpu === begin.vcpu;
  const firstIcount = begin.icount + 1;
  const accesses = run.accesses.filter(
    ({ stream, vcpu, ordinal }) =>
      isOfCase(stream, vcpu) && ordinal > begin.ordinal && ordinal < end.ordinal,
  );
  const events = run.notes.flatMap((note) =>
    note.kind === 'event' &&
    isOfCase(note.stream, note.vcpu) &&
    note.ordinal > begin.ordinal &&
    note.ordinal <= end.ordinal
      ? [note]
      : [],
  );
  const happenings: Happening[] = [];
  let next = 0;
  const takeEvents = (ordinal: number): void => {
    for (let event = events[next]; event !== undefined && event.ordinal <= ordinal; ) {
      happenings.push({
        kind: 'event',
        vector: event.vector,
        by: eventBy(event.what),
        error: event.error,
        cr2: hasAddress(event) ? event.cr2 : undefined,
        at: event.ip,
        hole: undefined,
      });
      next++;
      event = events[next];
    }
  };
  for (const access of accesses) {
    const icount = access.icount - firstIcount;
    takeEvents(access.ordinal);
    happenings.push({
      kind: 'access',
      access: { ...access, icount },
      line: undefined,
      hole: undefined,
    });
  }
  takeEvents(end.ordinal);
  return happenings;
}
