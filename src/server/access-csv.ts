// SPDX-License-Identifier: Apache-2.0
// A list of accesses as CSV, however long: made while it is sent, and never held as a whole.

import { setImmediate } from 'node:timers/promises';
import { partitionPoint } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { chunksOf, type OrdinalRange, type ViewIndex } from '../tiles/index.ts';
import { accessAt, rowCodeOf, rowColumns, rowOf } from './access-rows.ts';
import { matcherFor } from './address-match.ts';
import type { TraceWindow } from './parameters.ts';
import type { AccessRow } from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { stretchesOf } from './stretches.ts';

/** Characters that are sent at once: some 120 rows, so that other questions do not wait. */
const PIECE_LENGTH = 2 ** 14;
/** Instructions whose words are remembered: few make most accesses, and disassembling took a third of the time. */
const MOST_REMEMBERED = 2 ** 14;

const COLUMNS: readonly (readonly [string, (row: AccessRow) => string | number | null])[] = [
  ['ordinal', ({ ordinal }) => ordinal],
  ['icount', ({ icount }) => icount],
  ['vcpu', ({ vcpu }) => vcpu],
  ['cpl', ({ cpl }) => cpl],
  ['kind', ({ kind }) => kind],
  ['size', ({ size }) => size],
  ['vaddr', ({ vaddr }) => vaddr],
  ['paddr', ({ paddr }) => paddr],
  ['place', ({ place }) => place],
  ['disassembly', ({ disassembly }) => disassembly],
  ['origin', ({ origin }) => origin],
  ['pc', ({ pc }) => pc],
  ['device', ({ device }) => String(device)],
  ['aborted', ({ aborted }) => String(aborted)],
];

export function csvHead(): string {
  return `${COLUMNS.map(([name]) => name).join(',')}\n`;
}

export function csvLine(row: AccessRow): string {
  return `${COLUMNS.map(([, value]) => csvField(value(row))).join(',')}\n`;
}

/** RFC 4180; what a spreadsheet would take for a formula is made text. */
export function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

type CsvSubject = Pick<Session, 'trace' | 'names' | 'symbols' | 'index'>;

/**
 * All accesses of the window, aborted ones too, as pieces of text. Throws Refusal 'damaged' before the first when the
 * index knows of a part that cannot be read; else as the trace does, and the signal's reason.
 */
export async function* csvOf(
  { trace, names, symbols, index }: CsvSubject,
  window: TraceWindow,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const { stream, addresses } = window;
  const found = index.find();
  requireWhole(found, window);
  const columns = rowColumns(trace);
  const codeOf = remembered((block, insn) => rowCodeOf(block, insn, names, symbols));
  yield csvHead(); // whoever only asks whether there is a list need not wait for its rows
  let text = '';
  for await (const range of rangesByChunk(trace, found, window)) {
    const batches = trace.accesses({ stream, ...range, columns, includeAborted: true, signal });
    for await (const batch of batches) {
      const matches = addresses === undefined ? undefined : matcherFor(batch, addresses);
      for (let i = 0; i < batch.length; i++) {
        if (matches?.(i) === false) continue;
        text += csvLine(rowOf(accessAt(batch, i), codeOf));
        if (text.length < PIECE_LENGTH) continue;
        yield text;
        text = '';
      }
      await setImmediate(); // others are waiting, too
    }
  }
  if (text !== '') yield text;
}

function remembered<T>(
  find: (block: number, insn: number) => T,
): (block: number, insn: number) => T {
  const known = new Map<number, T>();
  return (block, insn) => {
    const key = block * 2 ** 16 + insn;
    const old = known.get(key);
    if (old !== undefined) return old;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const found = find(block, insn);
    known.set(key, found);
    return found;
  };
}

function requireWhole(index: ViewIndex | undefined, { stream, from, to }: TraceWindow): void {
  const damaged = index?.damaged.find(
    (one) => one.stream === stream && one.from < to && one.to > from,
  );
  if (damaged === undefined) return;
  const place = `accesses ${damaged.from} to ${damaged.to}`;
  throw new Refusal('damaged', `${place} cannot be read, and are in this list: ${damaged.why}`);
}

/** What may match, at most once for each chunk: it is decoded from its beginning each time. */
async function* rangesByChunk(
  trace: Trace,
  index: ViewIndex | undefined,
  window: TraceWindow,
): AsyncGenerator<OrdinalRange, void, undefined> {
  const last = chunksOf(trace, window.stream, window).at(-1);
  if (last === undefined) return;
  const to = Math.min(window.to, last.firstOrdinal + last.accessCount);
  if (window.addresses === undefined) {
    yield { from: window.from, to };
    return;
  }
  const begins = trace.chunks
    .filter(({ stream }) => stream === window.stream)
    .map(({ firstOrdinal }) => firstOrdinal);
  const chunkOf = (ordinal: number): number =>
    partitionPoint(begins.length, (at) => begins[at] <= ordinal);
  let open: OrdinalRange | undefined;
  for await (const stretch of stretchesOf(trace, index, { ...window, to }, 'forward')) {
    if (open !== undefined && chunkOf(open.to - 1) === chunkOf(stretch.from)) {
      open = { from: open.from, to: stretch.to };
      continue;
    }
    if (open !== undefined) yield open;
    open = stretch;
  }
  if (open !== undefined) yield open;
}
