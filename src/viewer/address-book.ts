// SPDX-License-Identifier: Apache-2.0
// Addresses of ranks, asked for once. Rows of the vertical axis come in blocks at whole multiples of their step, so
// that a moving axis asks again for little.

import type { AddressesReply, Space } from '../server/protocol.ts';
import { api } from './api-client.ts';
import { TileCache } from './tile-cache.ts';

const BLOCK_ROWS = 32;
const MOST_BLOCKS = 400;

type Row = AddressesReply['rows'][number];

export class AddressBook {
  readonly #blocks = new TileCache<readonly Row[]>(MOST_BLOCKS);
  readonly #asked = new Map<string, Promise<readonly Row[]>>();
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;

  /** `changed` is called when rows came that `find` did not have. */
  constructor(changed: () => void, failed: (error: unknown) => void) {
    this.#changed = changed;
    this.#failed = failed;
  }

  /** The address of a rank that is a multiple of `step`; undefined while it is asked for. */
  find(space: Space, rank: number, step: number, pages: number): string | undefined {
    const block = Math.floor(rank / step / BLOCK_ROWS);
    const key = `${space}/${step}/${block}`;
    const rows = this.#blocks.use(key);
    if (rows !== undefined) {
      return rows[Math.round(rank / step) - block * BLOCK_ROWS]?.address ?? undefined;
    }
    if (!this.#asked.has(key)) void this.#ask(key, space, block, step, pages);
    return undefined;
  }

  async #ask(key: string, space: Space, block: number, step: number, pages: number): Promise<void> {
    const low = block * BLOCK_ROWS * step;
    const rows = Math.max(1, Math.min(BLOCK_ROWS, Math.ceil((pages - low) / step)));
    const asked = api.addresses({ space, low, high: low + rows * step, rows }).then((r) => r.rows);
    this.#asked.set(key, asked);
    try {
      this.#blocks.put(key, await asked, 1);
      this.#asked.delete(key);
      this.#changed();
    } catch (error) {
      // Stays in #asked: an axis that moves must not ask again sixty times a second.
      this.#failed(error);
    }
  }

  /** Failed blocks may be asked for again. */
  retry(): void {
    this.#asked.clear();
  }
}

const BYTE = 1 / 4096;

/** The address of one byte. */
export async function addressOfRank(
  space: Space,
  rank: number,
  signal?: AbortSignal,
): Promise<string> {
  const low = Math.floor(rank * 4096) / 4096;
  const { rows } = await api.addresses({ space, low, high: low + BYTE, rows: 1 }, signal);
  const [row] = rows;
  const address = row?.address ?? null;
  if (address === null) throw new Error(`no page has the rank ${rank}`);
  return address;
}
