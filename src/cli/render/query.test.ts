// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { writeRows } from './query.ts';

const COLUMNS = [{ name: 'n', type: 'INTEGER', isNumber: true }];

/** The text of a table, and how many parts were read for it. */
async function tableOf(parts: readonly number[][], limit: number): Promise<[string, number]> {
  let read = 0;
  async function* counted(): AsyncGenerator<readonly number[][], void, undefined> {
    for (const part of parts) {
      read++;
      yield await Promise.resolve(part.map((value) => [value]));
    }
  }
  let text = '';
  await writeRows({ columns: COLUMNS, parts: counted(), format: 'table', limit }, async (more) => {
    text += more;
    return Promise.resolve();
  });
  return [text, read];
}

it('reads no more of a result than a table shows, and says that there is more', async () => {
  const [text, read] = await tableOf([[1, 2], [3, 4], [5]], 3);
  expect(text).toMatch(/^n\n1\n2\n3\nmore rows, not read; all of them: --limit 0/);
  expect(read).toBe(2);
});

it.each([3, 0, 7])('shows a whole result without a word about more, limit %i', async (limit) => {
  const [text] = await tableOf([[1, 2], [3]], limit);
  expect(text).toBe('n\n1\n2\n3\n');
});
