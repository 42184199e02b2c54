// SPDX-License-Identifier: Apache-2.0
// An ordered analysis for tests: the history of each line as a hash that any change of order changes, and how
// many block executions and notes came. Shards are the low bits of the line's number. Digests, when they are asked
// for, are copies of what came.

const LINE_SHIFT = 6n;

/** Lines that an access touches. */
function linesOf(vaddr, size) {
  const lines = [];
  for (let line = vaddr >> LINE_SHIFT; line <= (vaddr + BigInt(size) - 1n) >> LINE_SHIFT; line++) {
    lines.push(line);
  }
  return lines;
}

export const analysis = {
  name: 'line-history',
  order: 'per-shard',
  columns: ['vaddr', 'size', 'flags', 'ordinal'],
  runs: true,
  notes: ['cr3'],
  shardLimit: ({ shards }) => shards,
  shardMasks(_parameters, batch, shardCount, masks) {
    for (let i = 0; i < batch.length; i++) {
      masks[i] = 0;
      for (const line of linesOf(batch.vaddr[i], batch.size[i])) {
        masks[i] |= 1 << Number(line % BigInt(shardCount));
      }
    }
  },
  init: (parameters, _trace, shard) => ({ parameters, shard, lines: new Map(), runs: 0, notes: 0 }),
  consume(state, batch) {
    const { index, count } = state.shard;
    if (state.parameters.failAt === batch.chunkIndex) throw new Error('as was asked for');
    // Every shard sees all block executions and notes, with what they stand before.
    state.runs += batch.runs.length;
    state.notes += batch.notes.length;
    for (let i = 0; i < batch.length; i++) {
      for (const line of linesOf(batch.vaddr[i], batch.size[i])) {
        if (Number(line % BigInt(count)) !== index) continue;
        const before = state.lines.get(line) ?? 7;
        const now = batch.ordinal[i] + (batch.flags[i] & 1) + 31 * batch.size[i];
        state.lines.set(line, (Math.imul(before, 0x01000193) ^ now) >>> 0);
      }
    }
  },
  digesting: {
    isPossible: ({ digests }) => digests === true,
    init: ({ failAt }) => ({ failAt, copies: [] }),
    consume({ failAt, copies }, { length, chunkIndex, vaddr, size, flags, ordinal, runs, notes }) {
      if (failAt === chunkIndex) throw new Error('as was asked for');
      copies.push({
        ...{ length, chunkIndex, vaddr: vaddr.slice(), size: size.slice(), flags: flags.slice() },
        ...{ ordinal: ordinal.slice(), runs: { length: runs.length }, notes: [...notes] },
      });
    },
    take: (digester) => digester.copies.splice(0),
    absorb(state, copies) {
      for (const copy of copies) analysis.consume(state, copy);
    },
  },
  merge(a, b) {
    for (const [line, hash] of b.lines) {
      if (a.lines.has(line)) throw new Error('two shards had one line');
      a.lines.set(line, hash);
    }
    if (a.runs !== b.runs || a.notes !== b.notes) throw new Error('shards saw different runs');
    return a;
  },
  finish: ({ lines, runs, notes }) => ({
    lines: [...lines].map(([line, hash]) => `${line} ${hash}`).sort(),
    runs,
    notes,
  }),
};
