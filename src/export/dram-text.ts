// SPDX-License-Identifier: Apache-2.0
// Ramulator 2's LoadStoreTrace ("LD 0x1f40") and DRAMsim3's trace ("0x1f40 READ 17"): text, a line for each
// line of RAM that an access touches.

import type { AccessBatch } from '../format/index.ts';
import type { LossCounts } from './losses.ts';
import { ascii, OutputBuffer } from './output-buffer.ts';
import { RAM_COLUMNS, RamLines } from './ram-lines.ts';
import type { AccessWriter, NamedOutput } from './writer.ts';

const MAX_LINE_BYTES = 48;
const NEWLINE = 10;

class DramWriter implements AccessWriter {
  readonly kind = 'accesses';
  readonly columns = RAM_COLUMNS;
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #lines: RamLines;

  constructor(losses: LossCounts, draw: DrawLine) {
    const buffer = new OutputBuffer();
    this.outputs = [{ name: '', buffer }];
    this.#lines = new RamLines(losses, (lo, hi, _bytes, isStore, now) => {
      buffer.reserve(MAX_LINE_BYTES);
      draw(buffer, lo, hi, isStore, now);
      buffer.byte(NEWLINE);
      this.records++;
    });
  }

  consume(batch: AccessBatch): void {
    this.#lines.consume(batch);
  }

  finish(): void {
    // The last line is whole.
  }
}

type DrawLine = (out: OutputBuffer, lo: number, hi: number, isStore: boolean, now: number) => void;

const LD = ascii('LD 0x');
const ST = ascii('ST 0x');

export function ramulatorWriter(losses: LossCounts): AccessWriter {
  return new DramWriter(losses, (out, lo, hi, isStore) => {
    out.append(isStore ? ST : LD);
    out.hex(lo, hi);
  });
}

const ADDRESS = ascii('0x');
const READ = ascii(' READ ');
const WRITE = ascii(' WRITE ');

/** One instruction is one cycle of the memory's clock. */
export function dramsimWriter(losses: LossCounts): AccessWriter {
  return new DramWriter(losses, (out, lo, hi, isStore, now) => {
    out.append(ADDRESS);
    out.hex(lo, hi);
    out.append(isStore ? WRITE : READ);
    out.decimal(now);
  });
}
