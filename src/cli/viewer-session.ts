// SPDX-License-Identifier: Apache-2.0
// What somebody asks of the viewer in a long session: many windows, lists, accesses, caches of the whole trace, SQL, a
// file, and in the end much of it at once. For the memory that takes.

import { type WalkedTrace, type WalkedView, walkTiles } from './tile-walk.ts';
import type { ViewerProcess } from './viewer-process.ts';

const SEED = 6;
const LOOKS = 120;
const LISTS = 12;
/** Cells of a tile of the page, in both directions. */
const TILE_CELLS = 256;
const LISTED_ROWS = 200;
const SAVED_ROWS = 2 ** 17;
/** Of a window that is summed up or that SQL is asked of: as long as one in which caches are simulated unasked. */
const WINDOW = 2 ** 26;

/** Throws UserError 'environment' when something is refused. */
export async function holdSession(
  viewer: Pick<ViewerProcess, 'ask'>,
  trace: WalkedTrace,
): Promise<void> {
  const views = walkTiles(trace, LOOKS, SEED);
  const early = views.slice(0, LOOKS / 2);
  const late = views.slice(LOOKS / 2);
  const end = trace.ordinalEnd;
  const from = Math.max(0, Math.floor((end - WINDOW) / 2));
  const window = { from, to: Math.min(end, from + WINDOW) };
  await lookAround(viewer, early);
  await viewer.ask('summary', window);
  await askForAccesses(viewer, early);
  await viewer.ask('summary', { from: 0, to: end, caches: 'any' });
  for (const statement of statementsOf(window)) await viewer.ask('sql', statement);
  await viewer.ask('csv', { from, to: Math.min(end, from + SAVED_ROWS) });
  await lookAround(viewer, late);
  await Promise.all([
    lookAround(viewer, early),
    askForAccesses(viewer, late),
    viewer.ask('summary', window),
    ...statementsOf(window).map(async (statement) => viewer.ask('sql', statement)),
  ]);
}

async function lookAround(
  viewer: Pick<ViewerProcess, 'ask'>,
  views: readonly WalkedView[],
): Promise<void> {
  for (const view of views) {
    await viewer.ask('tile', { ...view, columns: TILE_CELLS, rows: TILE_CELLS });
    await viewer.ask('tracks', { from: view.from, to: view.to, columns: 2 * TILE_CELLS });
  }
}

/** The list of the lowest page of some of the views, an access, and the next one to the same bytes. */
async function askForAccesses(
  viewer: Pick<ViewerProcess, 'ask'>,
  views: readonly WalkedView[],
): Promise<void> {
  const step = Math.max(1, Math.floor(views.length / LISTS));
  for (const { space, from, to, low } of views.filter((_, at) => at % step === 0)) {
    const rank = Math.floor(low);
    const reply = await viewer.ask('addresses', { space, low: rank, high: rank + 1, rows: 1 });
    const address = firstAddress(reply);
    const range = {
      lowAddress: address,
      highAddress: `0x${(BigInt(address) + 4096n).toString(16)}`,
    };
    const part = { offset: 0, count: LISTED_ROWS };
    await viewer.ask('accesses', { from, to, space, ...range, ...part });
    await viewer.ask('access', { ordinal: from });
    const next = { ordinal: from, space, address, bytes: 64, direction: 'next' };
    await viewer.ask('neighbour', next);
  }
}

function firstAddress(reply: ArrayBuffer): string {
  const found = /"address":"(0x[0-9a-f]+)"/.exec(new TextDecoder().decode(reply))?.[1];
  if (found === undefined) throw new Error('internal: a page without an address');
  return found;
}

/** Few groups, many groups with sets of their own, and a sort of whole rows. */
function statementsOf({ from, to }: { readonly from: number; readonly to: number }): readonly {
  readonly q: string;
  readonly limit: number;
}[] {
  const where = `where ordinal >= ${from} and ordinal < ${to}`;
  return [
    `select pc, count(*) as n from accesses ${where} group by pc order by n desc limit 20`,
    `select vaddr >> 12 as page, count(distinct pc) as n from accesses ${where} group by 1 order by n desc limit 50`,
    `select * from accesses ${where} order by vaddr desc limit 1000`,
  ].map((q) => ({ q, limit: 1000 }));
}
