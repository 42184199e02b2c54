// SPDX-License-Identifier: Apache-2.0
// Events of a trace as lines: text for reading, JSON objects for programs.

import { assertNever, formatBytes } from '../../base/index.ts';
import {
  type EventNote,
  isDelivered,
  nameOfEvent,
  nameOfNote,
  type PageAttributes,
  placeOfEvent,
  type TraceNote,
  vcpuOfNote,
} from '../../format/index.ts';

export type EventFormat = 'text' | 'ndjson';

export const EVENT_HEADLINE: string = `${columns('ordinal', 'vcpu', 'event')}\n`;

/** Exceptions of the architecture (Intel SDM 3A table 6-1). */
const EXCEPTIONS: readonly string[] = [
  ...['#DE', '#DB', 'NMI', '#BP', '#OF', '#BR', '#UD', '#NM', '#DF', 'coprocessor overrun'],
  ...['#TS', '#NP', '#SS', '#GP', '#PF', '15', '#MF', '#AC', '#MC', '#XM', '#VE', '#CP'],
];

const VECTOR_PAGE_FAULT = 14;

/** `symbol`: the function that an interrupt or exception was taken in. */
export function eventLine(note: TraceNote, format: EventFormat, symbol?: string): string {
  switch (format) {
    case 'text':
      return `${columns(`${note.ordinal}`, `${vcpuOfNote(note) ?? '?'}`, describe(note, symbol))}\n`;
    case 'ndjson':
      return `${JSON.stringify(jsonOf(note, symbol), (_, value: unknown) => (typeof value === 'bigint' ? hex(value) : value))}\n`;
    default:
      return assertNever(format);
  }
}

/** The note as the library gives it; its name is the `kind` of SQL's table events, and nothing is a number that is not. */
function jsonOf(note: TraceNote, symbol: string | undefined): object {
  const named = { ...note, name: nameOfNote(note), ...(symbol === undefined ? {} : { symbol }) };
  if (note.kind !== 'event') return named;
  return {
    ...named,
    vcpu: vcpuOfNote(note) ?? null,
    ip: placeOfEvent(note) ?? null,
    delivered: isDelivered(note),
  };
}

function columns(ordinal: string, vcpu: string, event: string): string {
  return `${ordinal.padStart(12)} ${vcpu.padStart(4)} ${event}`;
}

function describe(note: TraceNote, symbol: string | undefined): string {
  switch (note.kind) {
    case 'event':
      return describeInterrupt(note, symbol);
    case 'port':
      return describePort(note);
    case 'cr3':
      return `cr3 ${hex(note.cr3)}`;
    case 'vcpu':
      return `vcpu ${note.next} runs`;
    case 'gap':
      return `recording was paused; goes on ${(Number(note.hostNs) / 1e9).toFixed(3)} s after it began`;
    case 'cut':
      return `block left after ${note.executed} instructions (${note.cause}), ${note.aborted} accesses aborted`;
    case 'map':
      return `page ${hex(note.vpage << 12n)} is at ${hex(note.ppage << 12n)}`;
    case 'map-unknown':
      return `page ${hex(note.vpage << 12n)} is somewhere unknown`;
    case 'unmap':
      return 'translations may have changed';
    case 'attributes':
      return `translations from here on: ${describeAttributes(note.attributes)}`;
    case 'region':
      return `device ${hex(note.first)} to ${hex(note.last)}: ${note.name}`;
    case 'device':
      return `device access at ${hex(note.paddr)}`;
    case 'wide':
      return `address ${hex(note.vaddr)}`;
    case 'phys':
      return 'access by physical address';
    case 'page-walk':
      return 'access by the page walker';
    default:
      return assertNever(note);
  }
}

function describeInterrupt(note: EventNote, symbol: string | undefined): string {
  const { vector } = note;
  const ip = placeOfEvent(note);
  // Nothing where it is not known.
  const at = (word: string): string =>
    ip === undefined ? '' : `${word} ${hex(ip)}${symbol === undefined ? '' : ` ${symbol}`}`;
  const whose = vcpuOfNote(note) === undefined ? '; of which vCPU is not known' : '';
  const delivery = isDelivered(note) ? '' : `${whose}; its accesses are not in the trace`;
  const name = nameOfEvent(note);
  switch (name) {
    case 'smm-enter':
      return `SMM entered${at(', from')}`;
    case 'smm-leave':
      return `SMM left${at(', to')}`;
    case 'reset':
      return 'triple fault: reset';
    case 'restored':
      return 'a snapshot was loaded: memory and CPUs are its';
    case 'guest-exit':
      return `nested guest left${at(' at')}${ip === undefined ? '' : `, exit code ${hex(note.error)}`}`;
    case 'interrupt':
      return `interrupt ${vector}${at(' at')}${delivery}`;
    case 'software-interrupt':
      return `int ${vector}${at(' at')}${delivery}`;
    case 'exception': {
      const address = vector === VECTOR_PAGE_FAULT ? ` address ${hex(note.cr2)}` : '';
      const what = EXCEPTIONS[vector] ?? `${vector}`;
      return `exception ${what}${at(' at')} error ${hex(note.error)}${address}${delivery}`;
    }
    default:
      return assertNever(name);
  }
}

function describePort(note: Extract<TraceNote, { kind: 'port' }>): string {
  const name = `${note.string ? (note.out ? 'outs' : 'ins') : note.out ? 'out' : 'in'}${note.size * 8}`;
  const port = note.port === undefined ? 'unknown port' : `port ${hex(BigInt(note.port))}`;
  return `${name} ${port}${note.value === undefined ? '' : ` value ${hex(BigInt(note.value))}`}`;
}

function describeAttributes(attributes: PageAttributes | undefined): string {
  if (attributes === undefined) return 'not known';
  const { write, user, noExecute, global, pageBytes } = attributes;
  return [
    pageBytes === 0 ? 'paging off' : formatBytes(pageBytes),
    write ? 'writable' : 'read-only',
    user ? 'user' : 'supervisor',
    ...(noExecute ? ['no-execute'] : []),
    ...(global ? ['global'] : []),
  ].join(', ');
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
