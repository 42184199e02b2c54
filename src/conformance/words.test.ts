// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { evaluate, findCall, parseWords } from './words.ts';

describe('parseWords', () => {
  it('reads accesses with frames, origin and marks', () => {
    expect(parseWords('r4:data+8 walk:w8:entry w2:a@b,c!device!aborted')).toMatchObject([
      { kind: 'access', store: false, size: 4, where: 'data+8', origin: 'instruction' },
      { store: true, size: 8, where: 'entry', origin: 'pageWalk', device: false, aborted: false },
      { where: 'a', frame: 'b', secondFrame: 'c', device: true, aborted: true },
    ]);
  });

  it('reads repetitions, one in another, and calls', () => {
    expect(parseWords('N*2{r1:x+i 2{w1:y}} iret_to(top, UCODE-3)')).toMatchObject([
      { kind: 'repeat', count: 'N*2', words: [{ where: 'x+i' }, { kind: 'repeat', count: '2' }] },
      { kind: 'call', name: 'iret_to', args: ['top', 'UCODE-3'] },
    ]);
  });

  it.each(['r4', 'x4:data', 'r4:data!devise', 'r4:', '5{r1:x', 'r4:a@!device'])(
    'refuses %s',
    (text) => {
      expect(() => parseWords(text)).toThrow(`"${text}" is no access`);
    },
  );
});

describe('evaluate', () => {
  const symbols = new Map([
    ['data', 0x400000n],
    ['i', 3n],
  ]);
  const value = (text: string): bigint => evaluate(text, (name) => symbols.get(name));

  it('sums products', () => {
    expect(value('data+8*i-0x10')).toBe(0x400008n);
    expect(value('-1+2')).toBe(1n);
    expect(value('i * i')).toBe(9n);
  });

  it('names what is no symbol', () => {
    expect(() => value('data+nowhere')).toThrow('"nowhere" in "data+nowhere"');
  });
});

describe('findCall', () => {
  it('splits arguments outside of brackets', () => {
    expect(findCall('f(a, g(b, c))')).toEqual({ name: 'f', args: ['a', 'g(b, c)'] });
    expect(findCall('f()')).toEqual({ name: 'f', args: [] });
    expect(findCall('r4:data')).toBeUndefined();
  });
});
