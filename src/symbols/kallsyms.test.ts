// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseKallsyms } from './kallsyms.ts';
import { nameRegion } from './linux-regions.ts';
import {
  findSymbol,
  formatSymbol,
  formatSymbolPlace,
  type SymbolTable,
  slideSymbols,
  symbolTablesFrom,
} from './symbol-table.ts';

const TEXT = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 t local_helper
ffffffff81000200 W weak_name
ffffffff81000200 t strong_name
ffffffff82000000 D init_task
ffffffffc0001000 t nf_hook\t[nf_tables]
`;

const IMAGE = 0xffff_ffff;
const tables = symbolTablesFrom(parseKallsyms(TEXT));

function nameAt(table: SymbolTable, lo: number, hi: number): string | undefined {
  const place = findSymbol(table, lo, hi);
  return place === undefined ? undefined : formatSymbolPlace(place);
}

describe('parseKallsyms', () => {
  it('names addresses inside symbols, up to the next one', () => {
    expect(nameAt(tables.code, 0x8100_0000, IMAGE)).toBe('startup_64+0x0');
    expect(nameAt(tables.code, 0x8100_00ff, IMAGE)).toBe('startup_64+0xff');
    expect(nameAt(tables.code, 0x8100_0100, IMAGE)).toBe('local_helper+0x0');
    expect(nameAt(tables.code, 0x8100_0201, IMAGE)).toBe('strong_name+0x1');
    expect(nameAt(tables.code, 0xc000_1004, IMAGE)).toBe('nf_hook+0x4 [nf_tables]');
  });

  it('has no name below the first symbol, far behind one, and for per-CPU offsets', () => {
    expect(nameAt(tables.code, 0x80ff_ffff, IMAGE)).toBeUndefined();
    expect(nameAt(tables.code, 0x9000_0000, IMAGE)).toBeUndefined();
    expect(nameAt(tables.code, 0x10, 0)).toBeUndefined();
  });

  it('has no name behind the last page of a module', () => {
    const modules = symbolTablesFrom(
      parseKallsyms(
        `${TEXT}ffffffffc0009010 t far\t[other]\nffffffffc0002010 t hook_exit\t[nf_tables]
ffffffffc0002010 t cleanup_module\t[nf_tables]\nffffffffc0003000 r table\t[nf_tables]\n`,
      ),
    ).code;
    expect(nameAt(modules, 0xc000_200f, IMAGE)).toBe('nf_hook+0x100f [nf_tables]');
    expect(nameAt(modules, 0xc000_2fff, IMAGE)).toBe('hook_exit+0xfef [nf_tables]');
    expect(nameAt(modules, 0xc000_3000, IMAGE)).toBeUndefined();
    expect(nameAt(modules, 0xc000_9010, IMAGE)).toBe('far+0x0 [other]');
    expect(nameAt(modules, 0xc000_a000, IMAGE)).toBeUndefined();
  });

  it('keeps code and data apart', () => {
    expect(tables.data.name).toEqual(['init_task']);
    expect(tables.code.name).not.toContain('init_task');
  });

  it('says which line is not a symbol, and when addresses are hidden', () => {
    expect(() => parseKallsyms(`${TEXT}oops\n`)).toThrow('line 9 is not a symbol');
    expect(() => parseKallsyms('ffffffff81000000 T')).toThrow('line 1 is not a symbol');
    expect(() => parseKallsyms('xfffffff81000000 T a')).toThrow('line 1 is not a symbol');
    const placeholder = 'The real System.map is in the linux-image-<version>-dbg package';
    expect(() => parseKallsyms(`ffffffffffffffff B ${placeholder}\n`)).toThrow(
      'stands for a System.map that is elsewhere',
    );
    expect(() => parseKallsyms('0000000000000000 T a\n0000000000000000 T b\n')).toThrow(
      'all addresses are 0',
    );
  });

  it('finds what a walk over all symbols finds', () => {
    const symbol = fc.record({ lo: fc.nat(0xff_ffff), hi: fc.constantFrom(0, 1, IMAGE) });
    fc.assert(
      fc.property(fc.array(symbol, { minLength: 1, maxLength: 40 }), symbol, (symbols, wanted) => {
        const address = ({ lo, hi }: { lo: number; hi: number }): bigint =>
          (BigInt(hi) << 32n) | BigInt(lo);
        const text = symbols.map((one, index) => {
          return `${address(one).toString(16).padStart(16, '0')} T s${index}`;
        });
        // The first line keeps a single symbol at address 0 from reading as hidden.
        const { code } = symbolTablesFrom(
          parseKallsyms(`ffffffffffffffff T last\n${text.join('\n')}\n`),
        );
        const below = symbols.map(address).filter((begin) => begin <= address(wanted));
        const nearest = below.reduce<bigint | undefined>(
          (best, begin) => (best === undefined || begin > best ? begin : best),
          undefined,
        );
        const offset = nearest === undefined ? undefined : Number(address(wanted) - nearest);
        const isNamed = offset !== undefined && offset < 2 ** 21;
        expect(findSymbol(code, wanted.lo, wanted.hi)?.offset).toBe(isNamed ? offset : undefined);
      }),
    );
  });
});

describe('symbols', () => {
  it('end where they say', () => {
    const raw = parseKallsyms('ffffffff81000000 T f\n').map((one) => ({ ...one, sizeBytes: 16 }));
    const { code } = symbolTablesFrom(raw);
    expect(nameAt(code, 0x8100_000f, IMAGE)).toBe('f+0xf');
    expect(nameAt(code, 0x8100_0010, IMAGE)).toBeUndefined();
  });

  it('are moved up and down, over the low half too', () => {
    const raw = parseKallsyms('ffffffff81000000 T f\n');
    const [up] = slideSymbols(raw, 0x3900_0000);
    expect(up).toMatchObject({ addressLo: 0xba00_0000, addressHi: IMAGE });
    const [down] = slideSymbols(slideSymbols(raw, 0x3900_0000), -0x3900_0000);
    expect(down).toEqual(raw[0]);
    const [low] = slideSymbols(parseKallsyms('0000000100000000 T f\n'), -1);
    expect(low).toMatchObject({ addressLo: 0xffff_ffff, addressHi: 0 });
  });

  it('without a name go by their program', () => {
    const place = { name: '', module: 'busybox', offset: 0x1234 };
    expect(formatSymbol(place)).toBe('[busybox]');
    expect(formatSymbolPlace(place)).toBe('[busybox]+0x1234');
  });
});

describe('nameRegion', () => {
  it.each([
    [0xffff_8880_0000_1000n, 'direct map'],
    [0xffff_c900_0000_0000n, 'vmalloc'],
    [0xffff_ffff_8100_0000n, 'kernel image'],
    [0x40_0000n, 'user or physical'],
    [0x7ffd_30ae_a000n, 'user'],
    [0xffff_ea00_0000_1000n, 'struct page'],
    [0xff11_0000_0000_1000n, 'beyond four-level paging'],
  ])('%s is in the %s', (address, name) => {
    expect(nameRegion(Number(address & 0xffff_ffffn), Number(address >> 32n), 'linux')).toBe(name);
  });

  it('does not tell apart what address randomisation may have moved', () => {
    const moved = 'direct map, vmalloc or struct page';
    expect(nameRegion(0x1000, 0xffff_9a31, 'linux-moved')).toBe(moved);
    expect(nameRegion(0, 0xffff_c900, 'linux-moved')).toBe(moved);
    expect(nameRegion(0xba00_0000, IMAGE, 'linux-moved')).toBe('kernel image');
    expect(nameRegion(0, 0xffff_fe00, 'linux-moved')).toBe('CPU entry area');
    expect(nameRegion(0, 0x7f00, 'linux-moved')).toBe('user');
  });
});
