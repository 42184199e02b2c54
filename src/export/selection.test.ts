// SPDX-License-Identifier: Apache-2.0
// Parts of random traces, against a filter of what the reference encoder says it put in.

import { describe, expect, it } from 'vitest';
import type { Selection } from '../analysis/index.ts';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import type { SeenAccess, SeenBlock } from '../format/reference-trace.oracle.ts';
import { exportAll, openEncoded } from './exported.oracle.ts';
import { PROGRAM } from './program.oracle.ts';
import { readChampsim, readDrmemtrace, readLines } from './readers.oracle.ts';
import { cplOfBlock, shapeOfRef, stepsOfTrace } from './steps.oracle.ts';

const REF = randomTrace({ seed: 33, blockCount: 12, executions: 900, streams: 2, oddity: 0.3 });
const SHAPE = shapeOfRef(REF);
const encoded = openEncoded(REF);

interface Case {
  readonly selection: Selection;
  readonly access: (access: SeenAccess) => boolean;
  /** Undefined: by the accesses alone. */
  readonly block?: (block: SeenBlock) => boolean;
}

const ICOUNTS = { begin: 200, end: 900 };
/** Code of blocks with an even number. */
const CODE = Uint8Array.from({ length: SHAPE.insnBase.at(-1) ?? 0 }, (_, insn) =>
  SHAPE.insnBase.findLastIndex((base) => base <= insn) % 2 === 0 ? 1 : 0,
);
const isIn = (icount: bigint): boolean => icount >= ICOUNTS.begin && icount < ICOUNTS.end;
const cplOf = ({ id }: SeenBlock): number => {
  const block = REF.blocks[id];
  return block === undefined ? 255 : cplOfBlock(block);
};

const CASES: Readonly<Record<string, Case>> = {
  ordinals: {
    selection: { ordinals: { begin: 100, end: 700 } },
    access: ({ ordinal }) => ordinal >= 100 && ordinal < 700,
    block: ({ firstAccess }) => firstAccess >= 100 && firstAccess < 700,
  },
  icounts: {
    selection: { icounts: ICOUNTS },
    access: ({ icount }) => isIn(icount),
    block: ({ icount }) => isIn(icount),
  },
  'icounts of a vCPU': {
    selection: { icounts: ICOUNTS, vcpu: 1 },
    access: ({ icount, vcpu }) => isIn(icount) && vcpu === 1,
    block: ({ icount, vcpu }) => isIn(icount) && vcpu === 1,
  },
  cpl: {
    selection: { cpl: 3 },
    access: ({ cpl }) => cpl === 3,
    block: (block) => cplOf(block) === 3,
  },
  code: {
    selection: { code: CODE },
    access: ({ block }) => block % 2 === 0,
    block: ({ id }) => id % 2 === 0,
  },
};

describe.each(Object.entries(CASES))('a part by %s', (_name, { selection, access, block }) => {
  it('has its accesses, and no others', async () => {
    const { trace, seen } = await encoded;
    const { bytes } = await exportAll(trace, 'csv', { selection, shape: SHAPE });
    const expected = seen.accesses.filter((one) => !one.aborted && access(one));
    expect(expected.length).toBeGreaterThan(50);
    expect(expected.length).toBeLessThan(0.9 * seen.accesses.length);
    expect(readLines(bytes.subarray(bytes.indexOf(10) + 1), /^(\d+),(\d+),/)).toEqual(
      expected.map(({ ordinal, vcpu }) => [`${ordinal}`, `${vcpu}`]),
    );
  });

  it('has its whole block executions in a format of instructions', async () => {
    const { trace, seen } = await encoded;
    const { bytes } = await exportAll(trace, 'lackey', { selection, shape: SHAPE });
    const steps = stepsOfTrace(REF, seen, block ?? (() => true));
    const ram = steps.filter((step) => step.kind === 'fetch' || !step.access.device);
    expect(ram.length).toBeGreaterThan(50);
    expect(readLines(bytes, /^(?:I {2}| L | S )([0-9a-f]+),\d+$/).flat()).toEqual(
      ram.map((step) => (step.kind === 'fetch' ? step.pc : step.access.vaddr).toString(16)),
    );
  });
});

it('a part by ordinals tells which ones its whole block executions have', async () => {
  const { trace, seen } = await encoded;
  let moved = 0;
  for (let begin = 100; begin < 140; begin++) {
    const end = begin + 500;
    const options = { selection: { ordinals: { begin, end } }, shape: SHAPE };
    const { covered } = await exportAll(trace, 'lackey', options);
    const expected = covered?.map(({ stream }) => {
      const firsts = seen.blocks
        .filter((one) => one.stream === stream)
        .map((one) => one.firstAccess);
      const of = seen.accesses.filter((one) => one.stream === stream).length;
      return {
        stream,
        from: firsts.find((first) => first >= begin) ?? of,
        until: firsts.find((first) => first >= end) ?? of,
      };
    });
    expect(covered).toEqual(expected);
    expect(covered?.length).toBeGreaterThan(0);
    moved += covered?.filter(({ from, until }) => from !== begin || until !== end).length ?? 0;
    expect(await exportAll(trace, 'csv', options)).toMatchObject({ covered: null });
  }
  expect(moved).toBeGreaterThan(10);
  expect(await exportAll(trace, 'lackey')).toMatchObject({ covered: null });
});

describe('a part by address space', () => {
  it('has its accesses, in formats of both kinds', async () => {
    const { trace, seen } = await encoded;
    const bits = 0x000f_ffff_ffff_f000n;
    const spaces = [...new Set(seen.accesses.map(({ cr3 }) => cr3 & bits))];
    expect(spaces.length).toBeGreaterThan(2);
    for (const space of spaces.slice(0, 3)) {
      const addressSpace = { lo: Number(space & 0xffff_ffffn), hi: Number(space >> 32n) };
      const options = { selection: { addressSpace }, shape: SHAPE };
      const own = seen.accesses.filter(({ aborted, cr3 }) => !aborted && (cr3 & bits) === space);
      const csv = await exportAll(trace, 'csv', options);
      expect(readLines(csv.bytes.subarray(csv.bytes.indexOf(10) + 1), /^(\d+),/).flat()).toEqual(
        own.map(({ ordinal }) => `${ordinal}`),
      );
      const lackey = await exportAll(trace, 'lackey', options);
      const references = own.filter(({ origin, device }) => origin === 0 && !device);
      const lines = readLines(lackey.bytes, /^(I {2}| L | S )([0-9a-f]+),\d+$/);
      expect(lines.filter(([kind]) => kind !== 'I  ').map(([, address]) => address)).toEqual(
        references.map(({ vaddr }) => vaddr.toString(16)),
      );
    }
  });

  it('takes both tables of a kernel that isolates them', async () => {
    const { trace, seen } = await encoded;
    const bits = 0x000f_ffff_ffff_e000n;
    const [cr3 = 0n] = seen.accesses.map((one) => one.cr3).filter((one) => one !== 0n);
    const own = seen.accesses.filter((one) => !one.aborted && (one.cr3 & bits) === (cr3 & bits));
    for (const table of [cr3, cr3 ^ 0x1000n]) {
      const lo = Number(table & 0xffff_f000n);
      const hi = Number((table >> 32n) & 0xf_ffffn);
      const selection: Selection = { addressSpace: { lo, hi, isPair: true } };
      const { bytes } = await exportAll(trace, 'csv', { selection, shape: SHAPE });
      expect(readLines(bytes.subarray(bytes.indexOf(10) + 1), /^(\d+),/).flat()).toEqual(
        own.map(({ ordinal }) => `${ordinal}`),
      );
    }
  });
});

describe('accesses left out of a format of RAM', () => {
  it('take their time all the same', async () => {
    const { trace } = await encoded;
    const whole = readLines((await exportAll(trace, 'dramsim3')).bytes, /^(\S+ \S+ \d+)$/).flat();
    const options = { selection: CASES['cpl']?.selection ?? {}, shape: SHAPE };
    const part = readLines((await exportAll(trace, 'dramsim3', options)).bytes, /^(\S+ \S+ \d+)$/);
    expect(part.length).toBeGreaterThan(50);
    let at = 0;
    for (const [line = ''] of part) {
      at = whole.indexOf(line, at) + 1;
      expect(at).toBeGreaterThan(0);
    }
  });
});

describe('gaps in a program', () => {
  const shape = shapeOfRef(PROGRAM);
  const code = new Uint8Array(shape.insnBase.at(-1) ?? 0);
  code.fill(1, 0, shape.insnBase[2]); // blocks 0 and 1

  it('do not make branches look taken', async () => {
    const { trace } = await openEncoded(PROGRAM);
    const options = { selection: { code }, shape };
    const { bytes } = await exportAll(trace, 'champsim', options);
    const branches = readChampsim(bytes).filter(({ isBranch }) => isBranch);
    // 0x401004: to 0x401006, which is left out; then to 0x401009, behind an interrupt.
    expect(branches.map(({ taken }) => taken)).toEqual([false, true]);
    const { files } = await exportAll(trace, 'drmemtrace', options);
    const entries = readDrmemtrace(files.get('vcpu-0.trace.gz') ?? new Uint8Array(0));
    const jumps = entries.filter(({ type }) => type.endsWith('_jump')).map(({ type }) => type);
    expect(jumps).toEqual(['untaken_jump', 'taken_jump']);
  });

  it('are said to be there', async () => {
    const { trace } = await openEncoded(PROGRAM);
    const fileType = async (selection: Selection): Promise<bigint | undefined> => {
      const { files } = await exportAll(trace, 'drmemtrace', { selection, shape });
      const entries = readDrmemtrace(files.get('vcpu-0.trace.gz') ?? new Uint8Array(0));
      return entries.find(({ size }) => size === 'filetype')?.value;
    };
    const whole = await fileType({});
    expect(whole).toBeDefined();
    expect(await fileType({ code })).toBe((whole ?? 0n) | 0x80n);
    expect(await fileType({ ordinals: { begin: 0, end: 20 } })).toBe(whole);
  });

  it('are none in the middle of an instruction', async () => {
    const { trace } = await openEncoded(PROGRAM);
    const addresses = { beginLo: 0, beginHi: 0, lastLo: 0xffff, lastHi: 0 };
    await expect(exportAll(trace, 'champsim', { selection: { addresses }, shape })).rejects.toThrow(
      /whole instructions/,
    );
  });
});

it('is not by what the trace does not tell', async () => {
  const { bytes } = encodeTrace(PROGRAM, { changeTotals: lacking(['icount'], 'not known') });
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  const selection = { icounts: ICOUNTS };
  await expect(exportAll(trace, 'csv', { selection, shape: SHAPE })).rejects.toThrow(
    'a selection by instruction counts needs icount, which this trace does not have: not known',
  );
});
