// SPDX-License-Identifier: Apache-2.0
// What is written beside and below the map. A canvas that keeps the words stands in for the browser's.

import { describe, expect, it, vi } from 'vitest';
import { AddressBook } from './address-book.ts';
import { paintGutter, paintTimeAxis } from './axis-painter.ts';

type Context = Parameters<typeof paintTimeAxis>[0];
const CHARACTER_WIDTH = 6;
const nothing = (): void => undefined;

function writingContext(): { context: Context; words: string[] } {
  const words: string[] = [];
  const context = {
    ...{ clearRect: nothing, fillRect: nothing },
    measureText: (text: string) => ({ width: CHARACTER_WIDTH * text.length }),
    fillText: (text: string) => void words.push(text),
  };
  return { context, words };
}

const frame = { width: 600, height: 300 };
const colours = { ink: 'black', soft: 'grey', line: 'grey', series: ['red'] };
const region = { from: 0, to: 5000, low: 0, high: 8 };
const view = { space: 'virtual', stream: 0, colours: 'sum', ...region } as const;

describe('the axis of addresses', () => {
  it('has the names of bands whole, in lines, where there is room', () => {
    const { context, words } = writingContext();
    const book = new AddressBook(nothing, nothing);
    vi.spyOn(book, 'find').mockReturnValue('0xffff888000001000');
    const name = 'direct map, vmalloc or struct page';
    const bands = [{ name, first: 0, end: 8, lowAddress: '0x0', highAddress: '0x8000' }];
    paintGutter(context, view, frame, { accesses: 5000, pages: 8 }, bands, book, colours);
    expect(words.slice(0, 3)).toEqual(['direct map,', 'vmalloc or', 'struct page']);
    expect(words).toContain('ffff8880_00001000');
  });
});

describe('the axis of time', () => {
  it('says whose icount stands at its ticks', () => {
    const { context, words } = writingContext();
    const icountAt = (ordinal: number) => ({ vcpu: 1, count: 3 * ordinal, isExact: false });
    paintTimeAxis(context, view, frame, icountAt, 'icount of vCPU 1', colours);
    expect(words.slice(0, 2)).toEqual(['access', 'icount of vCPU 1']);
    expect(words).toEqual(expect.arrayContaining(['2 k', '≈ 6,000']));
  });
});
