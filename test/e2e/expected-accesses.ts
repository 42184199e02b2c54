// SPDX-License-Identifier: Apache-2.0
// Lists of accesses as tests write them by hand, and comparison with what was recorded.
//
// One line for each instruction, in the order of execution; `;` begins a comment:
//
//     ld8   r8:data+0x40            the instruction at symbol ld8 loads 8 bytes
//     add4  r4:x w4:x               ... loads, then stores
//     over  w8:v+0xffc@f+0xffc,g    ... stores over a page boundary: the paddr in each page; without "@"
//                                   paddr = vaddr
//     dev   r4:HPET!device          ... from a device
//     - 3                           three instructions without accesses
//     ? pf  r8:x!aborted            an attempt of instruction pf that did not complete: not counted
//     = cpl 3                       from here on the CPL is 3; also: cr3 EXPRESSION
//
// Addresses are symbols of the guest and numbers, joined by + and -.

import { requireDefined } from '../../src/base/index.ts';
import type { Access, GuestRun } from './micro-guest.ts';

export interface Place {
  /** Default: any; a section is of one vCPU. */
  readonly vcpu?: number;
  /** Default: the mark after `mark`. */
  readonly endMark?: number;
}

/** What instructions did between MARK `mark` and the next one, to be compared with expectedLines(). */
export function recordedLines(run: GuestRun, mark: number, place: Place = {}): string[] {
  const { begin, end, inside } = sectionOf(run, mark, place);
  return [
    ...accessLines(run, inside.filter(isOfInstruction), begin.icount + 1),
    `${end.icount - begin.icount - 1} instructions`,
  ];
}

export function isOfInstruction({ origin }: Access): boolean {
  return origin === 'instruction';
}

/** Accesses as text, counting instructions from `firstIcount` on. */
export function accessLines(
  run: GuestRun,
  accesses: readonly Access[],
  firstIcount: number,
): string[] {
  const names = namesOf(run.symbols);
  return accesses.map((access) => show(access, firstIcount, names, run));
}

export interface Section {
  readonly begin: Access;
  readonly end: Access;
  /** The accesses between the two marks. */
  readonly inside: readonly Access[];
}

export function sectionOf(run: GuestRun, mark: number, place: Place = {}): Section {
  const ofVcpu = run.accesses.filter(({ vcpu }) => place.vcpu === undefined || vcpu === place.vcpu);
  const begin = findMark(run, ofVcpu, mark);
  const end = findMark(run, ofVcpu, place.endMark ?? mark + 1);
  return {
    begin,
    end,
    inside: ofVcpu.slice(ofVcpu.indexOf(begin) + 1, ofVcpu.indexOf(end)),
  };
}

function findMark(run: GuestRun, accesses: readonly Access[], mark: number): Access {
  const vaddr = addressOf(run, 'MARKS') + BigInt(mark);
  const [found, ...others] = accesses.filter((access) => access.vaddr === vaddr && access.store);
  if (found === undefined || others.length > 0) {
    throw new Error(`mark ${mark} is ${others.length + (found === undefined ? 0 : 1)} times there`);
  }
  return found;
}

/** "a+0x10-b" */
export function addressOf(run: GuestRun, text: string): bigint {
  let sum = 0n;
  for (const [, sign, term] of text.matchAll(/([+-]?)([^+-]+)/g)) {
    const word = term ?? '';
    const value = /^\d/.test(word)
      ? BigInt(word)
      : requireDefined(run.symbols.get(word), `symbol "${word}" in "${text}"`);
    sum += sign === '-' ? -value : value;
  }
  return sum;
}

/**
 * What map_page of guests/boot.inc does for a page, whose entry is the symbol PAGE_entry, entered with rsp at
 * `top`; it returns to that CPL.
 */
export function mapPageLines(page: string, top = 'STACK', cpl: 0 | 3 = 0): string {
  return `map_page w8:${top}-56
    map1 w8:${top}-64
    map2 r8:fix_entry
    map3 r8:fix_value
    map4 w8:${page}_entry
    map5 r4:fix_count w4:fix_count
    map6 r8:${top}-64
    map7 r8:${top}-56
    -
    map9 ${interruptReturn(top, cpl)}`;
}

/** The accesses of iretq: the frame below `top`, and the segments' descriptors in two halves each. */
export function interruptReturn(top: string, cpl: 0 | 3 = 0): string {
  const [code, data] = cpl === 0 ? ['KCODE', 'KDATA'] : ['UCODE-3', 'UDATA-3'];
  const descriptor = (selector: string): string => `r4:gdt+${selector} r4:gdt+${selector}+4`;
  return `r8:${top}-40 r8:${top}-32 r8:${top}-24 ${descriptor(code)}
    r8:${top}-16 r8:${top}-8 ${descriptor(data)}`.replace(/\n/g, ' ');
}

interface Mode {
  cpl: number;
  cr3: bigint;
}

/** Written as above. Begins with CPL 0 and the address space of TABLES. */
export function expectedLines(run: GuestRun, lines: string): string[] {
  const names = namesOf(run.symbols);
  const mode: Mode = { cpl: 0, cr3: addressOf(run, 'TABLES') };
  const expected: string[] = [];
  let icount = 0;
  for (const line of lines.split('\n')) {
    const words = line.replace(/;.*/, '').trim().split(/\s+/);
    const [first = '', second = ''] = words;
    if (first === '') continue;
    if (first === '-') {
      icount += second === '' ? 1 : Number(second);
    } else if (first === '=') {
      if (second === 'cpl') mode.cpl = Number(words[2]);
      else mode.cr3 = addressOf(run, words[2] ?? '');
    } else {
      const isAttempt = first === '?';
      const pc = addressOf(run, isAttempt ? second : first);
      for (const word of words.slice(isAttempt ? 2 : 1)) {
        expected.push(show(parseAccess(run, word, pc, icount, mode), 0, names, run));
      }
      if (!isAttempt) icount++;
    }
  }
  expected.push(`${icount} instructions`);
  return expected;
}

function parseAccess(
  run: GuestRun,
  word: string,
  pc: bigint,
  icount: number,
  { cpl, cr3 }: Mode,
): Access {
  const match = /^([rw])(\d+):([^@!]+)(?:@([^,!]+)(?:,([^!]+))?)?((?:!\w+)*)$/.exec(word);
  if (match === null) throw new Error(`not an access: "${word}"`);
  const [, direction, size, where = '', frame, secondFrame, marks = ''] = match;
  const vaddr = addressOf(run, where);
  return {
    stream: 0,
    ordinal: 0,
    vcpu: 0,
    icount,
    pc,
    vaddr,
    paddr: frame === undefined ? vaddr : addressOf(run, frame),
    secondPaddr: secondFrame === undefined ? undefined : addressOf(run, secondFrame),
    size: Number(size),
    store: direction === 'w',
    aborted: marks.includes('!aborted'),
    device: marks.includes('!device'),
    origin: 'instruction',
    cpl,
    cr3,
  };
}

/** What differs between two lists is read by people, so accesses are compared as text. */
function show(
  access: Access,
  firstIcount: number,
  names: ReadonlyMap<bigint, string>,
  run: GuestRun,
): string {
  const second = access.secondPaddr === undefined ? '' : `,${hex(access.secondPaddr)}`;
  const { capabilities } = run.trace;
  // QEMU 7.2 does not say where in the address space a ROM is, and the trace says that it does not.
  const paddr =
    isRom(access.vaddr) && capabilities.paddr.status !== 'yes' ? '?' : hex(access.paddr);
  return [
    `+${access.icount - firstIcount}`,
    names.get(access.pc) ?? hex(access.pc),
    `${access.store ? 'w' : 'r'}${access.size}:${hex(access.vaddr)}@${paddr}${second}`,
    ...(access.aborted ? ['aborted'] : []),
    ...(access.device ? ['device'] : []),
    ...(capabilities.cpl.status === 'yes' ? [`cpl${access.cpl}`] : []),
    ...(capabilities['address-space'].status === 'yes' ? [`cr3=${hex(access.cr3)}`] : []),
  ].join(' ');
}

function isRom(address: bigint): boolean {
  return address >= 0xf0000n && address < 0x100000n;
}

/** Names of addresses in code; numbers that are no addresses are not among them. */
function namesOf(symbols: ReadonlyMap<string, bigint>): Map<bigint, string> {
  const names = new Map<bigint, string>();
  for (const [name, value] of symbols) if (/^[a-z]/.test(name)) names.set(value, name);
  return names;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** The events between MARK `mark` and the next one: "exception 14 at NAME error 2 address 0x401000". */
export function recordedEvents(run: GuestRun, mark: number, place: Place = {}): string[] {
  const { begin, end } = sectionOf(run, mark, place);
  const names = namesOf(run.symbols);
  return eventsBetween(run, begin, end).map(({ what, vector, error, ip, cr2 }) => {
    const kind =
      ['exception', 'interrupt', 'software interrupt'][(what >> 8) & 31] ?? `what ${what >> 8}`;
    const page = vector === 14 ? ` error ${error} address ${hex(cr2)}` : '';
    return `${kind} ${vector} at ${names.get(ip) ?? hex(ip)}${page}`;
  });
}

export function eventsBetween(
  run: GuestRun,
  begin: Access,
  end: Access,
): Extract<GuestRun['notes'][number], { kind: 'event' }>[] {
  return run.notes.flatMap((note) =>
    note.kind === 'event' &&
    note.stream === begin.stream &&
    note.ordinal > begin.ordinal &&
    note.ordinal <= end.ordinal
      ? [note]
      : [],
  );
}
