// SPDX-License-Identifier: Apache-2.0
// Chrome's JSON trace events, which Perfetto's viewer opens: for each vCPU counter tracks of its accesses, and
// a track of slices, one for each stretch in one address space. Time is in instructions of all vCPUs, and
// one of them is shown as a nanosecond.

import { isOfSpace, type SelectedSpace, type Selection } from '../analysis/index.ts';
import { bigintFromU64, halves } from '../base/index.ts';
import { type AccessBatch, AccessFlag, type ColumnName, type Trace } from '../format/index.ts';
import { InstructionClock } from './instruction-clock.ts';
import type { LossCounts } from './losses.ts';
import { ascii, OutputBuffer } from './output-buffer.ts';
import { estimateInstructions } from './part-length.ts';
import { requireColumn } from './require-column.ts';
import type { AccessWriter, NamedOutput } from './writer.ts';

/** Windows that a part is cut into for its counters, about. */
const WINDOWS = 4000;
const LEAST_WINDOW = 1000;
const USER_CPL = 3;
const RATE_PER = 1000;
const KINDS = ['kernel loads', 'kernel stores', 'user loads', 'user stores'] as const;

interface VcpuTrack {
  readonly vcpu: number;
  /** Accesses of the window, by KINDS. */
  readonly counts: Float64Array;
  /** The address space since `since`, halves of CR3; undefined before the first access. */
  space: { readonly lo: number; readonly hi: number; readonly since: number } | undefined;
}

export class PerfettoWriter implements AccessWriter {
  readonly kind = 'accesses';
  readonly hasTime = true;
  readonly columns: readonly ColumnName[];
  readonly outputs: readonly NamedOutput[];
  readonly #buffer: OutputBuffer = new OutputBuffer();
  readonly #losses: LossCounts;
  readonly #clock: InstructionClock;
  /** The only one to show; undefined: all. */
  readonly #space: SelectedSpace | undefined;
  readonly #tracks = new Map<number, VcpuTrack>();
  /** Instructions. */
  readonly #window: number;
  #windowEnd: number;
  #eventCount = 0;
  #hasChosen = false;

  constructor(trace: Trace, losses: LossCounts, selection: Selection) {
    const hasSpaces = trace.capabilities['address-space'].status !== 'no';
    this.columns = ['icount', 'vcpu', 'flags', 'cpl', ...(hasSpaces ? (['cr3'] as const) : [])];
    this.outputs = [{ name: '', buffer: this.#buffer }];
    this.#losses = losses;
    this.#clock = new InstructionClock(selection.icounts);
    this.#space = selection.addressSpace;
    this.#window = windowOf(estimateInstructions(trace, selection));
    this.#windowEnd = this.#window;
    this.#append(
      `{"displayTimeUnit":"ns","otherData":{"source":"loadstore","time":"instructions of all vCPUs, one a nanosecond","window":"${this.#window} instructions"},"traceEvents":[`,
    );
  }

  /** None as long as nothing was chosen: time alone is no export. */
  get records(): number {
    return this.#hasChosen ? this.#eventCount : 0;
  }

  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void {
    const icount = halves(requireColumn(batch.icount, 'icount'));
    const vcpu = requireColumn(batch.vcpu, 'vcpu');
    const flags = requireColumn(batch.flags, 'flags');
    const cpl = requireColumn(batch.cpl, 'cpl');
    const cr3 = batch.cr3 && halves(batch.cr3);
    let track: VcpuTrack | undefined;
    for (let i = 0; i < batch.length; i++) {
      if (!this.#clock.advance(vcpu[i], icount[2 * i], icount[2 * i + 1])) continue;
      const { now } = this.#clock;
      if (now >= this.#windowEnd) this.#closeWindow(now);
      const flag = flags[i];
      const isWanted = wanted === undefined || wanted[i] !== 0;
      if ((flag & AccessFlag.aborted) !== 0) {
        if (isWanted) this.#losses.aborted++;
        continue;
      }
      if (track === undefined || track.vcpu !== vcpu[i]) track = this.#trackOf(vcpu[i]);
      if (isWanted) {
        track.counts[(cpl[i] === USER_CPL ? 2 : 0) + (flag & AccessFlag.store)]++;
        this.#hasChosen = true;
      }
      if (cr3 === undefined) continue;
      const { space } = track;
      const lo = cr3[2 * i];
      const hi = cr3[2 * i + 1];
      if (space !== undefined && space.lo === lo && space.hi === hi) continue;
      this.#closeSpace(track, now);
      track.space = { lo, hi, since: now };
    }
  }

  finish(): void {
    const end = this.#clock.now + 1;
    const begin = this.#windowEnd - this.#window;
    for (const track of this.#tracks.values()) {
      this.#counters(begin, track, end - begin);
      this.#closeSpace(track, end);
    }
    this.#append('\n]}\n');
  }

  #trackOf(vcpu: number): VcpuTrack {
    let track = this.#tracks.get(vcpu);
    if (track === undefined) {
      track = { vcpu, counts: new Float64Array(KINDS.length), space: undefined };
      this.#tracks.set(vcpu, track);
      const pid = vcpu + 1;
      this.#event({ ph: 'M', name: 'process_name', pid, args: { name: `vCPU ${vcpu}` } });
      this.#event({ ph: 'M', name: 'thread_name', pid, tid: pid, args: { name: 'address space' } });
    }
    return track;
  }

  /** Counters stand at the beginning of their window; empty windows between are one of zeros. */
  #closeWindow(now: number): void {
    const begin = this.#windowEnd - this.#window;
    for (const track of this.#tracks.values()) this.#counters(begin, track, this.#window);
    this.#windowEnd += this.#window;
    if (now >= this.#windowEnd) {
      for (const track of this.#tracks.values()) {
        this.#counters(this.#windowEnd - this.#window, track, this.#window);
      }
      this.#windowEnd = (Math.floor(now / this.#window) + 1) * this.#window;
    }
  }

  /** Of a window with so many instructions. */
  #counters(begin: number, { vcpu, counts }: VcpuTrack, instructions: number): void {
    const args: Record<string, number> = {};
    KINDS.forEach((kind, at) => {
      args[kind] = Math.round(((counts[at] * RATE_PER) / instructions) * 1000) / 1000;
    });
    counts.fill(0);
    const name = `accesses per ${RATE_PER} instructions`;
    this.#event({ ph: 'C', name, pid: vcpu + 1, ts: microseconds(begin), args });
  }

  #closeSpace({ vcpu, space }: VcpuTrack, now: number): void {
    if (space === undefined) return;
    const cr3 = bigintFromU64(space.lo, space.hi);
    if (this.#space !== undefined && !isOfSpace(this.#space, cr3)) return;
    this.#event({
      ph: 'X',
      name: `CR3 0x${cr3.toString(16)}`,
      pid: vcpu + 1,
      tid: vcpu + 1,
      ts: microseconds(space.since),
      dur: microseconds(now - space.since),
    });
  }

  #event(event: TraceEvent): void {
    this.#append(`${this.#eventCount === 0 ? '' : ','}\n${JSON.stringify(event)}`);
    this.#eventCount++;
  }

  #append(text: string): void {
    const bytes = ascii(text);
    this.#buffer.reserve(bytes.length);
    this.#buffer.append(bytes);
  }
}

/** The fields of Chrome's trace event format that are used; times in microseconds. */
interface TraceEvent {
  readonly ph: 'M' | 'C' | 'X';
  readonly name: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, number | string>>;
}

function microseconds(instructions: number): number {
  return instructions / 1000;
}

/** 1, 2 or 5 times a power of ten. */
function windowOf(instructions: number): number {
  const wanted = Math.max(LEAST_WINDOW, instructions / WINDOWS);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((one) => one * power >= wanted) ?? 10;
  return step * power;
}
