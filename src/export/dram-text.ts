// SPDX-License-Identifier: Apache-2.0
// Ramulator 2's LoadStoreTrace ("LD 0x1f40") and DRAMsim3's trace ("0x1f40 READ 17"): text, a line for each
// line of RAM that an access touches, with its address. (DRAMsim3 stands still when two requests of one line
// have different addresses.)

import type { Span } from '../analysis/index.ts';
import type { AccessBatch } from '../format/index.ts';
import type { LossCounts } from './losses.ts';
import { ascii, OutputBuffer, putDecimal, putHex, putText } from './output-buffer.ts';
import { LINE_BYTES, RAM_COLUMNS, RamLines } from './ram-lines.ts';
import type { AccessWriter, NamedOutput } from './writer.ts';

const MAX_LINE_BYTES = 48;
const NEWLINE = 10;

class DramWriter implements AccessWriter {
  readonly kind = 'accesses';
  readonly hasTime: boolean;
  readonly columns = RAM_COLUMNS;
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #lines: RamLines;

  constructor(
    losses: LossCounts,
    time: { readonly icounts: Span | undefined } | undefined,
    draw: DrawLine,
  ) {
    this.hasTime = time !== undefined;
    const buffer = new OutputBuffer();
    this.outputs = [{ name: '', buffer }];
    this.#lines = new RamLines(losses, time?.icounts, (lo, hi, _bytes, isStore, now) => {
      buffer.reserve(MAX_LINE_BYTES);
      const line = (lo & ~(LINE_BYTES - 1)) >>> 0;
      const at = draw(buffer, buffer.length, line, hi, isStore, now);
      buffer.bytes[at] = NEWLINE;
      buffer.length = at + 1;
      this.records++;
    });
  }

  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void {
    this.#lines.consume(batch, wanted);
  }

  finish(): void {
    // The last line is whole.
  }
}

/** Writes the line, without its end, at that place, and gives the place behind. */
type DrawLine = (
  out: OutputBuffer,
  at: number,
  lo: number,
  hi: number,
  isStore: boolean,
  now: number,
) => number;

const LD = ascii('LD 0x');
const ST = ascii('ST 0x');

export function ramulatorWriter(losses: LossCounts): AccessWriter {
  return new DramWriter(losses, undefined, (out, at, lo, hi, isStore) =>
    putHex(out, putText(out.bytes, at, isStore ? ST : LD), lo, hi),
  );
}

const ADDRESS = ascii('0x');
const READ = ascii(' READ ');
const WRITE = ascii(' WRITE ');

/** One instruction is one cycle of the memory's clock. */
export function dramsimWriter(losses: LossCounts, icounts: Span | undefined): AccessWriter {
  return new DramWriter(losses, { icounts }, (out, at, lo, hi, isStore, now) => {
    const { bytes } = out;
    const address = putHex(out, putText(bytes, at, ADDRESS), lo, hi);
    return putDecimal(bytes, putText(bytes, address, isStore ? WRITE : READ), now);
  });
}
