// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { holdSession } from './viewer-session.ts';

it('a long session asks for all there is, windows within the trace, and much of it at once', async () => {
  const asked: { name: string; parameters: Readonly<Record<string, string | number>> }[] = [];
  let running = 0;
  let most = 0;
  const viewer = {
    async ask(name: string, parameters: Readonly<Record<string, string | number>>) {
      asked.push({ name, parameters });
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 0));
      running--;
      return new TextEncoder().encode('{"rows":[{"rank":1,"address":"0xfff000"}]}').buffer;
    },
  };
  const pages = [{ space: 'virtual', pageCount: 5000 }];
  await holdSession(viewer, { pages, ordinalEnd: 10 ** 9 });
  const count = (name: string): number => asked.filter((one) => one.name === name).length;
  expect(count('tile')).toBeGreaterThan(100);
  expect(count('accesses')).toBeGreaterThan(20);
  expect(count('access')).toBe(count('accesses'));
  expect([count('summary'), count('sql'), count('csv')]).toEqual([3, 6, 1]);
  expect(most).toBe(6);
  const whole = { from: 0, to: 10 ** 9, caches: 'any' };
  expect(asked.filter(({ name }) => name === 'summary')[1]?.parameters).toEqual(whole);
  for (const { parameters } of asked) {
    const { from = 0, to = 1 } = parameters;
    expect(Number(from) >= 0 && Number(from) < Number(to) && Number(to) <= 10 ** 9).toBe(true);
  }
  expect(asked.find(({ name }) => name === 'accesses')?.parameters).toMatchObject({
    lowAddress: '0xfff000',
    highAddress: '0x1000000',
  });
});
