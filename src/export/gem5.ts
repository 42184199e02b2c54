// SPDX-License-Identifier: Apache-2.0
// gem5's packet trace: "gem5", then protobuf messages of src/proto/packet.proto, each behind its length as a
// varint: one PacketHeader, then Packets. Read by TrafficGen (mode TRACE) and util/decode_packet_trace.py.

import type { Span } from '../analysis/index.ts';
import { halves } from '../base/index.ts';
import type { AccessBatch, ColumnName } from '../format/index.ts';
import type { LossCounts } from './losses.ts';
import { ascii, OutputBuffer } from './output-buffer.ts';
import { RAM_COLUMNS, RamLines } from './ram-lines.ts';
import { requireColumn } from './require-column.ts';
import type { AccessWriter, NamedOutput } from './writer.ts';

const MAGIC = ascii('gem5');
/** Ticks are picoseconds, as gem5 has them; an instruction takes a nanosecond. */
const TICKS_PER_SECOND = 1e12;
const TICKS_PER_INSTRUCTION = 1000;
/** Commands of gem5's MemCmd (src/mem/packet.hh). */
const READ_REQUEST = 1;
const WRITE_REQUEST = 4;
const MAX_MESSAGE_BYTES = 64;
const TWO_32 = 2 ** 32;

/** Field numbers of packet.proto, as protobuf keys: number << 3 | wire type. */
const HEADER = { objId: 0x0a, ver: 0x10, tickFreq: 0x18 } as const;
const PACKET = { tick: 0x08, cmd: 0x10, addr: 0x18, size: 0x20, pktId: 0x30, pc: 0x38 } as const;

export class Gem5Writer implements AccessWriter {
  readonly kind = 'accesses';
  readonly hasTime = true;
  readonly columns: readonly ColumnName[] = [...RAM_COLUMNS, 'pc'];
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #lines: RamLines;
  readonly #buffer: OutputBuffer = new OutputBuffer();
  #pc: Uint32Array = new Uint32Array(0);
  #vcpu: Uint16Array = new Uint16Array(0);

  constructor(losses: LossCounts, icounts: Span | undefined) {
    this.outputs = [{ name: '', buffer: this.#buffer }];
    this.#lines = new RamLines(losses, icounts, (lo, hi, bytes, isStore, now, i) => {
      this.#packet(lo, hi, bytes, isStore, now, i);
    });
    this.#header();
  }

  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void {
    this.#pc = halves(requireColumn(batch.pc, 'pc'));
    this.#vcpu = requireColumn(batch.vcpu, 'vcpu');
    this.#lines.consume(batch, wanted);
  }

  finish(): void {
    // The last message is whole.
  }

  #header(): void {
    const out = this.#buffer;
    out.append(MAGIC);
    const objId = ascii('loadstore');
    const length = this.#begin();
    out.byte(HEADER.objId);
    out.byte(objId.length);
    out.append(objId);
    out.byte(HEADER.ver);
    out.byte(0);
    out.byte(HEADER.tickFreq);
    varint(out, TICKS_PER_SECOND % TWO_32, Math.floor(TICKS_PER_SECOND / TWO_32));
    this.#end(length);
  }

  #packet(lo: number, hi: number, bytes: number, isStore: boolean, now: number, i: number): void {
    const out = this.#buffer;
    out.reserve(MAX_MESSAGE_BYTES);
    const begin = this.#begin();
    const tick = now * TICKS_PER_INSTRUCTION;
    out.byte(PACKET.tick);
    varint(out, tick % TWO_32, Math.floor(tick / TWO_32));
    out.byte(PACKET.cmd);
    out.byte(isStore ? WRITE_REQUEST : READ_REQUEST);
    out.byte(PACKET.addr);
    varint(out, lo, hi);
    out.byte(PACKET.size);
    out.byte(bytes); // at most 64
    out.byte(PACKET.pktId);
    varint(out, this.#vcpu[i], 0);
    const pcLo = this.#pc[2 * i];
    const pcHi = this.#pc[2 * i + 1];
    if ((pcLo & pcHi) >>> 0 !== 0xffff_ffff) {
      out.byte(PACKET.pc);
      varint(out, pcLo, pcHi);
    }
    this.#end(begin);
    this.records++;
  }

  /** A message is shorter than 128 bytes: its length is one byte, known at its end. */
  #begin(): number {
    this.#buffer.byte(0);
    return this.#buffer.length;
  }

  #end(begin: number): void {
    this.#buffer.bytes[begin - 1] = this.#buffer.length - begin;
  }
}

/** LEB128 of a number given as halves. */
function varint(out: OutputBuffer, lo: number, hi: number): void {
  let low = lo >>> 0;
  let high = hi >>> 0;
  while (high !== 0 || low > 127) {
    out.byte((low & 127) | 128);
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  out.byte(low);
}
