// SPDX-License-Identifier: Apache-2.0
// An analysis for tests: the notes that came, in their order, with how many accesses came before. It wants notes of
// pages from before a selection too.

export const analysis = {
  name: 'page-notes',
  order: 'per-shard',
  columns: ['vaddr', 'paddr', 'flags'],
  runs: true,
  notes: ['map', 'attributes', 'cr3'],
  earlierNotes: ['map', 'attributes'],
  shardLimit: () => 2,
  shardMasks(_parameters, batch, _shardCount, masks) {
    for (let i = 0; i < batch.length; i++) masks[i] = batch.vaddr[i] % 2n === 0n ? 1 : 2;
  },
  init: () => ({ notes: [], accesses: 0, runs: 0, chunkIndex: -1, attributes: undefined }),
  consume(state, batch) {
    for (const { kind, chunkIndex, attributes, vpage, cr3 } of batch.notes ?? []) {
      // Attributes are told anew in each chunk.
      if (state.chunkIndex !== chunkIndex || kind === 'attributes') state.attributes = attributes;
      state.chunkIndex = chunkIndex;
      if (kind === 'cr3') state.notes.push(`${chunkIndex} cr3 ${cr3}`);
      if (kind === 'map') {
        state.notes.push(`${chunkIndex} map ${vpage} ${JSON.stringify(state.attributes)}`);
      }
    }
    state.accesses += batch.length;
    state.runs += batch.runs.length;
  },
  merge(a, b) {
    if (a.notes.join() !== b.notes.join()) throw new Error('shards saw different notes');
    return { ...a, accesses: a.accesses + b.accesses };
  },
  finish: (state) => state,
};
