// SPDX-License-Identifier: Apache-2.0
// What pages and lines of data are called.
import { expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { GuestSymbols } from '../symbols/index.ts';
import { codeNames } from './code-names.ts';

/** One symbol of 0x2000 bytes at 0xffffffff82a00000, of the kernel or a module. */
function symbolsOf(module: string): GuestSymbols {
  return {
    findings: [],
    addressMap: 'linux',
    findKernel: (lo, hi, what) =>
      what === 'data' && hi === 0xffff_ffff && lo >= 0x82a0_0000 && lo < 0x82a0_2000
        ? { name: 'table', module, offset: lo - 0x82a0_0000 }
        : undefined,
    findNamed: () => [],
    namesLike: () => [],
    findProgram: () => undefined,
    findCode: () => undefined,
  };
}

it('a place behind the beginning of its symbol says how far', async () => {
  const program = { seed: 1, blockCount: 2, executions: 3, streams: 1, oddity: 0 };
  const { bytes } = encodeTrace(randomTrace(program));
  const { code } = await openTraceSource(byteSourceFromBytes(bytes));
  const names = codeNames(code, symbolsOf(''));
  expect(names.namePlace(0x82a0_0000, 0xffff_ffff)).toBe('table');
  expect(names.namePlace(0x82a0_1040, 0xffff_ffff)).toBe('table+0x1040');
  expect(names.namePlace(0x82a0_2000, 0xffff_ffff)).toBe('kernel image');
  expect(codeNames(code, symbolsOf('nf')).namePlace(0x82a0_1000, 0xffff_ffff)).toBe(
    'table+0x1000 [nf]',
  );
});
