// SPDX-License-Identifier: Apache-2.0
// An analysis for tests: the mappings and notes that came, in their order, with how many accesses came before.

export const analysis = {
  name: 'page-notes',
  order: 'per-shard',
  columns: ['vaddr', 'paddr', 'flags'],
  runs: true,
  notes: ['cr3'],
  mappings: true,
  shardLimit: () => 2,
  shardMasks(_parameters, batch, _shardCount, masks) {
    for (let i = 0; i < batch.length; i++) masks[i] = batch.vaddr[i] % 2n === 0n ? 1 : 2;
  },
  init: () => ({ notes: [], accesses: 0, runs: 0 }),
  consume(state, batch) {
    const { chunkIndex, mappings } = batch;
    for (const { cr3 } of batch.notes ?? []) state.notes.push(`${chunkIndex} cr3 ${cr3}`);
    for (let i = 0; i < mappings.length; i++) {
      const { kind, vpage, ppage, attributes } = mappings;
      const told = [kind[i], vpage[i], ppage[i], attributes[i]].join(' ');
      state.notes.push(`${chunkIndex} mapping ${told}`);
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
