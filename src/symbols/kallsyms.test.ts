// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSymbolName, nameLinuxRegion, parseKallsyms } from './index.ts';

const TEXT = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 t local_helper
ffffffff81000200 W weak_name
ffffffff81000200 t strong_name
ffffffff82000000 D init_task
ffffffffc0001000 t nf_hook\t[nf_tables]
`;

describe('parseKallsyms', () => {
  it('names addresses inside symbols, up to the next one', () => {
    const table = parseKallsyms(TEXT);
    expect(findSymbolName(table, 0x8100_0000, 0xffff_ffff)).toBe('startup_64');
    expect(findSymbolName(table, 0x8100_00ff, 0xffff_ffff)).toBe('startup_64');
    expect(findSymbolName(table, 0x8100_0100, 0xffff_ffff)).toBe('local_helper');
    expect(findSymbolName(table, 0x8100_0201, 0xffff_ffff)).toBe('strong_name');
    expect(findSymbolName(table, 0xc000_1004, 0xffff_ffff)).toBe('nf_hook [nf_tables]');
  });

  it('has no name below the first symbol, far behind one, and for per-CPU offsets', () => {
    const table = parseKallsyms(TEXT);
    expect(findSymbolName(table, 0x80ff_ffff, 0xffff_ffff)).toBeUndefined();
    expect(findSymbolName(table, 0x9000_0000, 0xffff_ffff)).toBeUndefined();
    expect(findSymbolName(table, 0x10, 0)).toBeUndefined();
  });

  it('keeps code and data apart when asked', () => {
    expect(parseKallsyms(TEXT, 'data').name).toEqual(['init_task']);
    expect(parseKallsyms(TEXT, 'code').name).not.toContain('init_task');
  });

  it('says which line is not a symbol, and when addresses are hidden', () => {
    expect(() => parseKallsyms(`${TEXT}oops\n`)).toThrow('line 9 is not a symbol');
    expect(() => parseKallsyms('0000000000000000 T a\n0000000000000000 T b\n')).toThrow(
      'all addresses are 0',
    );
  });

  it('finds what a walk over all symbols finds', () => {
    const symbol = fc.record({ lo: fc.nat(0xff_ffff), hi: fc.constantFrom(0, 1, 0xffff_ffff) });
    fc.assert(
      fc.property(fc.array(symbol, { minLength: 1, maxLength: 40 }), symbol, (symbols, wanted) => {
        const address = ({ lo, hi }: { lo: number; hi: number }): bigint =>
          (BigInt(hi) << 32n) | BigInt(lo);
        const text = symbols.map((one, index) => {
          return `${address(one).toString(16).padStart(16, '0')} T s${index}`;
        });
        // The first line keeps a single symbol at address 0 from reading as hidden.
        const table = parseKallsyms(`ffffffffffffffff T last\n${text.join('\n')}\n`);
        const below = symbols.map(address).filter((begin) => begin <= address(wanted));
        const nearest = below.reduce<bigint | undefined>(
          (best, begin) => (best === undefined || begin > best ? begin : best),
          undefined,
        );
        const isNamed = nearest !== undefined && address(wanted) - nearest < 2n ** 21n;
        expect(findSymbolName(table, wanted.lo, wanted.hi) !== undefined).toBe(isNamed);
      }),
    );
  });
});

describe('nameLinuxRegion', () => {
  it.each([
    [0xffff_8880_0000_1000n, 'direct map'],
    [0xffff_c900_0000_0000n, 'vmalloc'],
    [0xffff_ffff_8100_0000n, 'kernel image'],
    [0x40_0000n, 'user or physical'],
    [0x7ffd_30ae_a000n, 'user'],
    [0xffff_ea00_0000_1000n, 'struct page'],
  ])('%s is in the %s', (address, name) => {
    expect(nameLinuxRegion(Number(address & 0xffff_ffffn), Number(address >> 32n))).toBe(name);
  });
});
