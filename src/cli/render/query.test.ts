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

it('writes one kind of value in a column as JSON: numbers, with all their digits', async () => {
  const columns = [
    { name: 'vaddr', type: 'UBIGINT', isNumber: true },
    { name: 'a "b"', type: 'VARCHAR', isNumber: false },
  ];
  async function* parts() {
    yield await Promise.resolve([[0xffff_ffff_8000_0001n, 'x\n'] as const, [4096n, null] as const]);
  }
  const texts: Record<string, string> = {};
  for (const format of ['json', 'csv', 'table'] as const) {
    await writeRows({ columns, parts: parts(), format, limit: 0 }, async (more) => {
      texts[format] = (texts[format] ?? '') + more;
      return Promise.resolve();
    });
  }
  expect(texts['json']).toContain('{"vaddr":18446744071562067969,"a \\"b\\"":"x\\n"},\n');
  expect(texts['json']).toContain('{"vaddr":4096,"a \\"b\\"":null}');
  expect(JSON.parse(texts['json'] ?? '')).toMatchObject({ rows: [{}, { vaddr: 4096 }] });
  expect(texts['csv']).toBe('vaddr,"a ""b"""\n18446744071562067969,"x\n"\n4096,\n');
  expect(texts['table']).toContain('18446744071562067969');
});
