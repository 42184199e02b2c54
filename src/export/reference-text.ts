// SPDX-License-Identifier: Apache-2.0
// References as text: Valgrind's lackey ("I  40a3f0,5", " L 7ffe10,8", " S 7ffe10,8") and Dinero's din
// ("2 40a3f0 5", "0 7ffe10 8", "1 7ffe10 8"). Fetches come before the data of their instruction.

import { AccessFlag, type ChunkInfo, Origin, type Trace, type TraceNote } from '../format/index.ts';
import { InstructionSites } from './instruction-sites.ts';
import type { LossCounts } from './losses.ts';
import { ascii, OutputBuffer, putDecimal, putHex, putText } from './output-buffer.ts';
import type { ExecutionColumns } from './walk-executions.ts';
import type { ExecutionWriter, NamedOutput } from './writer.ts';

/** How a format spells a reference. */
interface Spelling {
  readonly fetch: Uint8Array;
  readonly load: Uint8Array;
  readonly store: Uint8Array;
  /** Between address and size. */
  readonly comma: number;
}

const LACKEY: Spelling = {
  fetch: ascii('I  '),
  load: ascii(' L '),
  store: ascii(' S '),
  comma: 44,
};
const DIN: Spelling = { fetch: ascii('2 '), load: ascii('0 '), store: ascii('1 '), comma: 32 };

const MAX_LINE_BYTES = 32;
const NEWLINE = 10;

class ReferenceWriter implements ExecutionWriter {
  readonly kind = 'executions';
  readonly wantsEvents = false;
  readonly wantsPaddr = false;
  readonly sites: InstructionSites;
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #buffer: OutputBuffer = new OutputBuffer();
  readonly #spelling: Spelling;
  readonly #losses: LossCounts;

  constructor(trace: Trace, losses: LossCounts, spelling: Spelling) {
    this.sites = new InstructionSites(trace.code);
    this.outputs = [{ name: '', buffer: this.#buffer }];
    this.#losses = losses;
    this.#spelling = spelling;
  }

  chunk(_info: ChunkInfo): void {
    // Time is not kept.
  }

  enter(_vcpu: number): void {
    // Nor is the vCPU.
  }

  instruction(site: number): void {
    const { pcLo, pcHi, size } = this.sites;
    this.#line(this.#spelling.fetch, pcLo[site], pcHi[site], size[site]);
  }

  access(columns: ExecutionColumns, i: number): void {
    const { vaddr, size, flags } = columns;
    if ((flags[i] & AccessFlag.device) !== 0) {
      this.#losses.devices++;
      return;
    }
    const { load, store } = this.#spelling;
    const what = (flags[i] & AccessFlag.store) === 0 ? load : store;
    this.#line(what, vaddr[2 * i], vaddr[2 * i + 1], size[i]);
  }

  implicit(columns: ExecutionColumns, i: number): void {
    // Lines stand behind the fetch of the instruction that made them: these have none.
    if ((columns.flags[i] & AccessFlag.origin) === Origin.pageWalk) this.#losses.pageWalks++;
    else this.#losses.eventDeliveries++;
  }

  skip(_vcpu: number, _lo: number, _hi: number): void {
    // Where branches lead is not kept.
  }

  event(_note: TraceNote): void {
    // Not asked for.
  }

  finish(): void {
    // The last line is whole.
  }

  #line(what: Uint8Array, lo: number, hi: number, size: number): void {
    const out = this.#buffer;
    out.reserve(MAX_LINE_BYTES);
    const { bytes } = out;
    let at = putText(bytes, out.length, what);
    at = putHex(out, at, lo, hi);
    bytes[at++] = this.#spelling.comma;
    at = putDecimal(bytes, at, size);
    bytes[at++] = NEWLINE;
    out.length = at;
    this.records++;
  }
}

export function lackeyWriter(trace: Trace, losses: LossCounts): ExecutionWriter {
  return new ReferenceWriter(trace, losses, LACKEY);
}

/** What follows the address on a line Dinero takes for a comment: the size, in decimal. */
export function dinWriter(trace: Trace, losses: LossCounts): ExecutionWriter {
  return new ReferenceWriter(trace, losses, DIN);
}
