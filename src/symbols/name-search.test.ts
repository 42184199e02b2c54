// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseKallsyms } from './kallsyms.ts';
import { namesLike } from './name-search.ts';
import { symbolsNamed, symbolTablesFrom } from './symbol-table.ts';

const TEXT = `ffffffff81000000 T startup_64
ffffffff81000100 T __memcpy
ffffffff81000100 W memcpy
ffffffff81000200 T memcpy_fromio
ffffffff81000300 T copy_with_memcpy
ffffffff81000400 t helper
ffffffff81000500 t helper
ffffffff82000000 D jiffies
ffffffff82000000 D jiffies_64
ffffffffc0000000 t memcpy_dma\t[driver]
`;
const tables = symbolTablesFrom(parseKallsyms(TEXT));
const like = (part: string, limit = 9): string[] =>
  namesLike([tables], part, limit).map(({ name, module }) => `${name}${module && ` [${module}]`}`);

it('names that begin so come before those that hold it, short before long, the second names of an address too', () => {
  expect(like('memc')).toEqual([
    'memcpy',
    'memcpy_dma [driver]',
    'memcpy_fromio',
    '__memcpy',
    'copy_with_memcpy',
  ]);
  expect(like('memc', 2)).toEqual(['memcpy', 'memcpy_dma [driver]']);
  expect(like('memc', 4)).toHaveLength(4);
});

it('each is named once, whatever its capitals, and tells code from data', () => {
  expect(like('HELP')).toEqual(['helper']);
  expect(namesLike([tables], 'jif', 9)).toEqual([
    { name: 'jiffies', module: '', what: 'data', placeName: 'jiffies' },
    { name: 'jiffies_64', module: '', what: 'data', placeName: 'jiffies' },
  ]);
  expect(like('')).toEqual([]);
  expect(like('nonsense')).toEqual([]);
});

it('the likely come first, and the very name before them', () => {
  const likely = namesLike([tables], 'memcpy', 9, ({ placeName }) => placeName.includes('_w'));
  expect(likely.map(({ name }) => name)).toEqual([
    'memcpy',
    'copy_with_memcpy',
    'memcpy_dma',
    'memcpy_fromio',
    '__memcpy',
  ]);
});

it('a second name leads to the address of the first', () => {
  const [first] = symbolsNamed(tables, (name) => name === '__memcpy', 2);
  expect(symbolsNamed(tables, (name) => name === 'memcpy', 2)).toEqual([
    { ...first, name: 'memcpy' },
  ]);
  expect(first).toMatchObject({ address: { lo: 0x8100_0100 }, sizeBytes: 0x100 });
  expect(symbolsNamed(tables, (name) => name.startsWith('mem'), 2)).toHaveLength(2);
});
