// SPDX-License-Identifier: Apache-2.0
// Traces drawn as text, for tests of the audit.

import { byteSourceFromBytes } from '../format/byte-source.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type {
  RefAccess,
  RefBlock,
  RefExecution,
  RefItem,
} from '../format/reference-trace.oracle.ts';
import { openTraceSource, type Trace } from '../format/trace.ts';

/** hflags of 64-bit kernel code, of flat 32-bit code at CPL 3, of real mode. */
const MODE_64 = 0xc0b0;
export const MODE_32_USER = 0xb3;
export const MODE_16 = 0;

/** A block of these instructions, in hex. */
export function block(
  insns: readonly string[],
  { mode = MODE_64, vaddr = 0xffff_ffff_8100_0000n }: { mode?: number | null; vaddr?: bigint } = {},
): RefBlock {
  const code = insns.map(bytesOfHex);
  const last = insns.at(-1) ?? '';
  return {
    vaddr,
    mode: mode ?? undefined,
    lastRep: /^f[23](48|66)*(6[c-f]|a[4-7a-f])$/.test(last),
    insnLengths: code.map(({ length }) => length),
    code: Uint8Array.from(code.flatMap((bytes) => [...bytes])),
  };
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** An execution; accesses as 'INSN L8 ADDRESS' or 'INSN S8 ADDRESS', both numbers in hex; '~' before: a page walk's. */
export function run(
  id: number,
  accesses: readonly string[],
  cut?: { executed: number; aborted?: number; cause?: number },
): RefExecution {
  return {
    type: 'block',
    id,
    accesses: accesses.map(parseAccess),
    ...(cut === undefined ? {} : { cut: { aborted: 0, cause: 1, ...cut } }),
  };
}

function parseAccess(text: string): RefAccess {
  const match = /^(~?)([0-9a-f]+) ([LS])(1|2|4|8|16) ([0-9a-f]+)$/.exec(text);
  if (match === null) throw new Error(`not an access: ${text}`);
  const [, walk, insn = '', kind, bytes, address = ''] = match;
  return {
    insn: Number.parseInt(insn, 16),
    store: kind === 'S',
    sizeLog2: Math.log2(Number(bytes)),
    vaddr: BigInt(`0x${address}`),
    ...(walk === '~' ? { pageWalk: true } : {}),
  };
}

export function bytesOfTrace(
  blocks: readonly RefBlock[],
  items: readonly RefItem[],
): Uint8Array<ArrayBuffer> {
  return encodeTrace({ blocks, streams: [items] }).bytes;
}

export async function openItems(
  blocks: readonly RefBlock[],
  items: readonly RefItem[],
): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytesOfTrace(blocks, items)));
}
