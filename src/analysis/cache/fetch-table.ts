// SPDX-License-Identifier: Apache-2.0
// Which lines the instructions of each block lie in. Each completed instruction is one fetch of each line
// that it touches, as in drcachesim and cachegrind; in a block, all fetches of a line after the first hit.

/** As the code table of a trace. */
export interface BlockCode {
  readonly blockCount: number;
  vaddr(id: number): bigint;
  insnCount(id: number): number;
  insnOffsets(id: number): Uint16Array;
  bytes(id: number): Uint8Array;
}

/** A touch is a block and a line of it, in the order of the lines. */
export interface FetchTable {
  /** For each block its first touch; and the number of touches, last. */
  readonly firstTouch: Uint32Array;
  /** Number of the line: its address shifted right. */
  readonly line: BigUint64Array;
  /** Index, in the block, of the first instruction that touches the line. */
  readonly insn: Uint16Array;
  /** How many instructions touch it. They follow each other. */
  readonly fetches: Uint16Array;
}

export function fetchTableFrom(code: BlockCode, lineShift: number): FetchTable {
  const firstTouch = new Uint32Array(code.blockCount + 1);
  const lines: bigint[] = [];
  const insn: number[] = [];
  const fetches: number[] = [];
  for (let id = 0; id < code.blockCount; id++) {
    const vaddr = code.vaddr(id);
    const blockLine = vaddr >> BigInt(lineShift);
    const inLine = Number(vaddr & (2n ** BigInt(lineShift) - 1n));
    const offsets = code.insnOffsets(id);
    const codeBytes = code.bytes(id).length;
    const base = firstTouch[id];
    let last = -1;
    for (let i = 0; i < offsets.length; i++) {
      const end = i + 1 < offsets.length ? offsets[i + 1] : codeBytes;
      const firstLine = (inLine + offsets[i]) >>> lineShift;
      const lastLine = (inLine + end - 1) >>> lineShift;
      for (let line = firstLine; line <= lastLine; line++) {
        if (line > last) {
          last = line;
          lines.push(blockLine + BigInt(line));
          insn.push(i);
          fetches.push(0);
        }
        fetches[base + line]++;
      }
    }
    firstTouch[id + 1] = lines.length;
  }
  return {
    firstTouch,
    line: BigUint64Array.from(lines),
    insn: Uint16Array.from(insn),
    fetches: Uint16Array.from(fetches),
  };
}
