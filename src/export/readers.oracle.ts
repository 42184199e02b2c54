// SPDX-License-Identifier: Apache-2.0
// Readers of the exported formats, written from the descriptions of those who read them (DynamoRIO's
// trace_entry.h, ChampSim's trace_instruction.h, gem5's packet.proto, protobuf's wire format ...). Slow, and of
// nothing that the writers are made of.

export interface DrEntry {
  readonly type: string;
  /** Of a marker its kind. */
  readonly size: number | string;
  readonly value: bigint;
  /** Of an encoding. */
  readonly bytes: readonly number[];
}

const DR_TYPES: Readonly<Record<number, string>> = {
  0: 'read',
  1: 'write',
  10: 'instr',
  11: 'direct_jump',
  12: 'indirect_jump',
  14: 'direct_call',
  15: 'indirect_call',
  16: 'return',
  22: 'thread',
  23: 'thread_exit',
  24: 'pid',
  25: 'header',
  26: 'footer',
  28: 'marker',
  29: 'no_fetch',
  47: 'encoding',
  48: 'taken_jump',
  49: 'untaken_jump',
};
const DR_MARKERS: Readonly<Record<number, string>> = {
  0: 'kernel_event',
  1: 'kernel_xfer',
  2: 'timestamp',
  3: 'cpu_id',
  9: 'filetype',
  10: 'cache_line_size',
  12: 'version',
  15: 'physical_address',
  17: 'virtual_address',
  18: 'page_size',
  29: 'branch_target',
  43: 'hardware_event',
  44: 'hardware_context_return',
};

export function readDrmemtrace(bytes: Uint8Array): DrEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength % 12 !== 0) throw new Error('not a whole number of entries');
  return Array.from({ length: bytes.byteLength / 12 }, (_, i) => {
    const type = DR_TYPES[view.getUint16(12 * i, true)];
    const size = view.getUint16(12 * i + 2, true);
    if (type === undefined) throw new Error(`entry ${i} has no type`);
    const marker = type === 'marker' ? DR_MARKERS[size] : size;
    if (marker === undefined) throw new Error(`marker ${i} has no kind`);
    return {
      type,
      size: marker,
      value: view.getBigUint64(12 * i + 4, true),
      bytes: type === 'encoding' ? [...bytes.subarray(12 * i + 4, 12 * i + 4 + size)] : [],
    };
  });
}

export interface ChampsimRecord {
  readonly ip: bigint;
  readonly isBranch: boolean;
  readonly taken: boolean;
  readonly kind: string;
  readonly written: readonly number[];
  readonly read: readonly number[];
  readonly stores: readonly bigint[];
  readonly loads: readonly bigint[];
}

export function readChampsim(bytes: Uint8Array): ChampsimRecord[] {
  if (bytes.byteLength % 64 !== 0) throw new Error('not a whole number of records');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 64 }, (_, i) => {
    const at = 64 * i;
    const words = (first: number, count: number): bigint[] =>
      Array.from({ length: count }, (__, n) => view.getBigUint64(at + first + 8 * n, true)).filter(
        (word) => word !== 0n,
      );
    const registers = (first: number, count: number): number[] =>
      [...bytes.subarray(at + first, at + first + count)].filter((number) => number !== 0);
    const written = registers(10, 2);
    const read = registers(12, 4);
    return {
      ip: view.getBigUint64(at, true),
      isBranch: bytes[at + 8] === 1,
      taken: bytes[at + 9] === 1,
      kind: champsimKind(written, read),
      written,
      read,
      stores: words(16, 2),
      loads: words(32, 4),
    };
  });
}

/** As ChampSim's inc/instruction.h tells kinds of branches apart. */
function champsimKind(written: readonly number[], read: readonly number[]): string {
  const [sp, flags, ip] = [6, 25, 26];
  const other = read.some((number) => number !== sp && number !== flags && number !== ip);
  const uses = { sp: read.includes(sp), flags: read.includes(flags), ip: read.includes(ip) };
  const setsSp = written.includes(sp);
  if (!written.includes(ip)) return 'none';
  if (!uses.sp && !uses.flags && !other) return 'direct jump';
  if (!uses.sp && !uses.ip && !uses.flags && other) return 'indirect';
  if (!uses.sp && uses.ip && !setsSp && (uses.flags || other)) return 'conditional';
  if (uses.sp && uses.ip && setsSp && !uses.flags) return other ? 'indirect call' : 'direct call';
  if (uses.sp && !uses.ip && setsSp) return 'return';
  return 'other';
}

export interface Gem5Packet {
  readonly tick: bigint;
  readonly cmd: bigint;
  readonly addr: bigint;
  readonly size: bigint;
  readonly pktId: bigint;
  readonly pc: bigint | undefined;
}

export function readGem5(bytes: Uint8Array): {
  readonly objId: string;
  readonly tickFreq: bigint;
  readonly packets: readonly Gem5Packet[];
} {
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== 'gem5') throw new Error('no magic');
  const messages: Map<number, bigint | Uint8Array>[] = [];
  for (let at = 4; at < bytes.length; ) {
    const [length, begin] = readVarint(bytes, at);
    at = begin + Number(length);
    messages.push(readMessage(bytes.subarray(begin, at)));
  }
  const [header, ...packets] = messages;
  const number = (message: Map<number, bigint | Uint8Array> | undefined, key: number): bigint => {
    const value = message?.get(key);
    if (typeof value !== 'bigint') throw new Error(`field ${key} is missing`);
    return value;
  };
  const objId = header?.get(1);
  if (!(objId instanceof Uint8Array)) throw new Error('the header has no object');
  return {
    objId: new TextDecoder().decode(objId),
    tickFreq: number(header, 3),
    packets: packets.map((packet) => ({
      tick: number(packet, 1),
      cmd: number(packet, 2),
      addr: number(packet, 3),
      size: number(packet, 4),
      pktId: number(packet, 6),
      pc: packet.has(7) ? number(packet, 7) : undefined,
    })),
  };
}

function readMessage(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const [key, begin] = readVarint(bytes, at);
    const [value, end] = readVarint(bytes, begin);
    const wireType = Number(key & 7n);
    if (wireType !== 0 && wireType !== 2) throw new Error(`wire type ${wireType}`);
    at = wireType === 0 ? end : end + Number(value);
    fields.set(Number(key >> 3n), wireType === 0 ? value : bytes.subarray(end, at));
  }
  return fields;
}

function readVarint(bytes: Uint8Array, begin: number): readonly [value: bigint, end: number] {
  let value = 0n;
  for (let at = begin; at < bytes.length; at++) {
    const byte = BigInt(bytes[at] ?? 0);
    value |= (byte & 127n) << BigInt(7 * (at - begin));
    if (byte < 128n) return [value, at + 1];
  }
  throw new Error('a varint does not end');
}

/** Lines that each must match; gives their groups. */
export function readLines(bytes: Uint8Array, line: RegExp): string[][] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  return text
    .split('\n')
    .slice(0, -1)
    .map((one) => {
      const match = line.exec(one);
      if (match === null) throw new Error(`no such line: "${one}"`);
      return match.slice(1);
    });
}
