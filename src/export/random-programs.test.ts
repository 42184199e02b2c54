// SPDX-License-Identifier: Apache-2.0
// Random traces in the formats that are not about RAM, against what the reference encoder says it put in.

import { describe, expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { NO_ADDRESS, type SeenAccess, type SeenBlock } from '../format/reference-trace.oracle.ts';
import { exportAll, openEncoded } from './exported.oracle.ts';
import { readChampsim, readDrmemtrace, readLines } from './readers.oracle.ts';
import { type Step, stepsOfTrace } from './steps.oracle.ts';

const REF = randomTrace({ seed: 21, blockCount: 12, executions: 600, streams: 2, oddity: 0.3 });
const encoded = openEncoded(REF);

async function stepsOf(isWanted: (block: SeenBlock) => boolean): Promise<Step[]> {
  const { seen } = await encoded;
  return stepsOfTrace(REF, seen, isWanted);
}

const all = (): boolean => true;

describe('lackey and din', () => {
  it('have every instruction and reference', async () => {
    const steps = await stepsOf(all);
    const { trace } = await encoded;
    const ram = steps.filter((step) => step.kind === 'fetch' || !step.access.device);
    const fields = ram.map((step) =>
      step.kind === 'fetch'
        ? ['fetch', step.pc.toString(16), String(step.size)]
        : [
            step.access.store ? 'store' : 'load',
            step.access.vaddr.toString(16),
            String(step.access.size),
          ],
    );
    expect(fields.length).toBeGreaterThan(2000);
    const lackey = await exportAll(trace, 'lackey');
    const names: Readonly<Record<string, string>> = {
      ...{ 'I  ': 'fetch', ' L ': 'load', ' S ': 'store' },
      ...{ '2': 'fetch', '0': 'load', '1': 'store' },
    };
    const named = (lines: string[][]): string[][] =>
      lines.map(([kind = '', ...rest]) => [names[kind] ?? '', ...rest]);
    expect(named(readLines(lackey.bytes, /^(I {2}| L | S )([0-9a-f]+),(\d+)$/))).toEqual(fields);
    const din = await exportAll(trace, 'din');
    expect(named(readLines(din.bytes, /^([012]) ([0-9a-f]+) (\d+)$/))).toEqual(fields);
    const { seen } = await encoded;
    const count = (isCounted: (access: SeenAccess) => boolean): number =>
      seen.accesses.filter(isCounted).length;
    expect(lackey.lost).toEqual({
      aborted: count(({ aborted }) => aborted),
      devices: count(({ aborted, device, origin }) => !aborted && device && origin === 0),
      eventDeliveries: count(({ aborted, origin }) => !aborted && origin === 1),
      pageWalks: count(({ aborted, origin }) => !aborted && origin === 2),
    });
    expect(Math.min(...Object.values(lackey.lost))).toBeGreaterThan(0);
  });

  it('have only what is selected', async () => {
    const { trace } = await encoded;
    const steps = await stepsOf(
      ({ vcpu, firstAccess }) => vcpu === 1 && firstAccess >= 100 && firstAccess < 700,
    );
    const ram = steps.filter((step) => step.kind === 'fetch' || !step.access.device);
    expect(ram.length).toBeGreaterThan(50);
    const { bytes } = await exportAll(trace, 'lackey', {
      selection: { ordinals: { begin: 100, end: 700 }, vcpu: 1 },
    });
    expect(readLines(bytes, /^(?:I {2}| L | S )([0-9a-f]+),\d+$/).flat()).toEqual(
      ram.map((step) => (step.kind === 'fetch' ? step.pc : step.access.vaddr).toString(16)),
    );
  });
});

describe('drmemtrace', () => {
  it('has every vCPU in its file, in order', async () => {
    const { trace, seen } = await encoded;
    const { files } = await exportAll(trace, 'drmemtrace');
    const vcpus = [...new Set(seen.blocks.map(({ vcpu }) => vcpu))];
    expect(new Set(files.keys())).toEqual(new Set(vcpus.map((vcpu) => `vcpu-${vcpu}.trace.gz`)));
    const stamps: bigint[] = [];
    for (const vcpu of vcpus) {
      const entries = readDrmemtrace(files.get(`vcpu-${vcpu}.trace.gz`) ?? new Uint8Array(0));
      const steps = await stepsOf((block) => block.vcpu === vcpu);
      const wanted = steps.flatMap((step) =>
        step.kind === 'fetch'
          ? [`instr ${step.pc} ${step.size}`]
          : [`${step.access.store ? 'write' : 'read'} ${step.access.vaddr} ${step.access.size}`],
      );
      // The code is random too: what it takes for an iteration of rep has no fetch.
      const found = entries.flatMap(({ type, size, value }) => {
        if (type === 'read' || type === 'write') return [`${type} ${value} ${size}`];
        return /instr|jump|call|return/.test(type) ? [`instr ${value} ${size}`] : [];
      });
      const fetches = entries.filter(({ type }) => type === 'no_fetch').length;
      expect(found.length + fetches).toBeGreaterThanOrEqual(wanted.length);
      expect(found.filter((one) => !one.startsWith('instr'))).toEqual(
        wanted.filter((one) => !one.startsWith('instr')),
      );
      expect(entries.at(-1)?.type).toBe('footer');
      const times = entries.filter(({ size }) => size === 'timestamp').map(({ value }) => value);
      expect(times).toEqual([...times].sort((a, b) => Number(a - b)));
      stamps.push(...times);
      requireEncodings(entries, steps);
    }
    expect(new Set(stamps).size).toBe(stamps.length);
  });

  it('is put together again by its timestamps', async () => {
    const { trace } = await encoded;
    const { files } = await exportAll(trace, 'drmemtrace');
    const stretches: { readonly time: bigint; readonly references: string[] }[] = [];
    for (const bytes of files.values()) {
      for (const { type, size, value } of readDrmemtrace(bytes)) {
        if (size === 'timestamp') stretches.push({ time: value, references: [] });
        if (type !== 'read' && type !== 'write') continue;
        stretches.at(-1)?.references.push(`${type} ${value} ${size}`);
      }
    }
    stretches.sort((a, b) => Number(a.time - b.time));
    const wanted = (await stepsOf(all)).flatMap((step) =>
      step.kind === 'fetch'
        ? []
        : [`${step.access.store ? 'write' : 'read'} ${step.access.vaddr} ${step.access.size}`],
    );
    expect(stretches.length).toBeGreaterThan(20);
    expect(stretches.flatMap(({ references }) => references)).toEqual(wanted);
  });
});

/** Every fetch has its bytes: those told last at its address. */
function requireEncodings(
  entries: ReturnType<typeof readDrmemtrace>,
  steps: readonly Step[],
): void {
  const told = new Map<bigint, number[]>();
  let next: number[] = [];
  let fetches = 0;
  for (const { type, size, value, bytes } of entries) {
    if (type === 'encoding') next = [...next, ...bytes];
    if (!/instr|jump|call|return|no_fetch/.test(type)) continue;
    if (next.length > 0) told.set(value, next);
    next = [];
    expect(told.get(value)?.length).toBe(size);
    fetches++;
  }
  expect(fetches).toBeGreaterThanOrEqual(steps.filter(({ kind }) => kind === 'fetch').length);
}

describe('champsim', () => {
  it('has every instruction and address of the vCPU', async () => {
    const { trace } = await encoded;
    const steps = await stepsOf(({ vcpu }) => vcpu === 1);
    const { bytes, lost } = await exportAll(trace, 'champsim', { selection: { vcpu: 1 } });
    const records = readChampsim(bytes);
    const ram = steps.flatMap((step) =>
      step.kind === 'access' && !step.access.device ? [step.access] : [],
    );
    const zero = ram.filter(({ vaddr }) => vaddr === 0n).length;
    expect(lost.addressZero).toBe(zero);
    // Within an instruction the order of loads and stores is not kept.
    const sorted = (addresses: bigint[]): string[] => addresses.map(String).sort();
    expect(sorted(records.flatMap(({ loads, stores }) => [...loads, ...stores]))).toEqual(
      sorted(ram.map(({ vaddr }) => vaddr).filter((vaddr) => vaddr !== 0n)),
    );
    const ips: bigint[] = [];
    for (const { ip } of records) if (ip !== ips.at(-1)) ips.push(ip);
    const pcs: bigint[] = [];
    for (const step of steps) {
      if (step.kind === 'fetch' && step.pc !== pcs.at(-1)) pcs.push(step.pc);
    }
    expect(ips).toEqual(pcs);
  });

  it('is one core: of several vCPUs one must be chosen', async () => {
    const { trace } = await encoded;
    await expect(exportAll(trace, 'champsim')).rejects.toThrow(/is one core's/);
  });
});

describe('csv and ndjson', () => {
  it('have every column of every access that was not aborted', async () => {
    const { trace, seen } = await encoded;
    const wanted = seen.accesses.filter(({ aborted }) => !aborted);
    const hex = (value: bigint): string => `0x${value.toString(16)}`;
    const csv = await exportAll(trace, 'csv');
    const [head, ...rows] = readLines(csv.bytes, /^(.*)$/).map(([line = '']) => line.split(','));
    expect(head).toEqual(
      'ordinal vcpu icount pc op size vaddr paddr cpl cr3 bytes symbol marks'.split(' '),
    );
    const isUnknown = ({ paddr, secondPaddr }: SeenAccess): boolean =>
      paddr === NO_ADDRESS || secondPaddr === NO_ADDRESS;
    expect(rows.map((row) => row.slice(0, 10))).toEqual(
      wanted.map((access) => [
        ...[access.ordinal, access.vcpu, access.icount].map(String),
        ...[hex(access.pc), access.store ? 'store' : 'load', String(access.size)],
        access.phys ? '' : hex(access.vaddr),
        isUnknown(access) ? '' : hex(access.paddr),
        access.cpl === 255 ? '' : String(access.cpl),
        hex(access.cr3),
      ]),
    );
    const ndjson = await exportAll(trace, 'ndjson');
    const objects = readLines(ndjson.bytes, /^(.*)$/).map(([line = '']): unknown =>
      JSON.parse(line),
    );
    expect(objects).toMatchObject(
      wanted.map(({ ordinal, vcpu, size, store, icount }) => ({
        ...{ ordinal, vcpu, size, icount: Number(icount) },
        op: store ? 'store' : 'load',
      })),
    );
    expect([csv.records, ndjson.records]).toEqual([wanted.length, wanted.length]);
  });
});
