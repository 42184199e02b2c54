// SPDX-License-Identifier: Apache-2.0
// Parquet folders, read back by two readers: hyparquet, row by row, and DuckDB, by what it has to read. Scanning
// threads run what was built: `npm run build` before this.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZSTDDecoder } from 'zstddec';
import type { Selection } from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { openTrace, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import type { SeenAccess } from '../format/reference-trace.oracle.ts';
import {
  type ParquetFolderCounts,
  type ParquetFolderRequest,
  writeParquetFolder,
} from './parquet-folder.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 7, blockCount: 8, executions: 2000, streams: 2, oddity: 0.2 }),
);
const WORKER_URL = new URL('../../dist/store/scan.worker.js', import.meta.url);
const ROW_GROUP_ROWS = 2048; // DuckDB's least
const VCPUS = [...new Set(seen.accesses.map(({ vcpu }) => vcpu))].sort((a, b) => a - b);
const SHAPE = { insnBase: new Uint32Array(0), vcpuCount: Math.max(...VCPUS) + 1 };
const zstd = new ZSTDDecoder();

let folder = '';
let trace: Trace;
let counts: ParquetFolderCounts;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'parquet-'));
  await writeFile(path.join(folder, 'a.memtrace'), bytes);
  trace = await openTrace(path.join(folder, 'a.memtrace'));
  await zstd.init();
  counts = await write('whole');
}, 120_000);
afterAll(async () => {
  await trace.close();
  await rm(folder, { recursive: true });
});

async function write(
  name: string,
  options: Partial<ParquetFolderRequest> = {},
): Promise<ParquetFolderCounts> {
  await mkdir(path.join(folder, name));
  return writeParquetFolder({
    trace,
    shape: SHAPE,
    selection: {},
    names: {
      functionsOf: (block) =>
        block % 3 === 0
          ? []
          : [
              { firstInsn: 0, found: { name: `f${block % 3}`, module: '', address: 0n } },
              { firstInsn: 2, found: { name: 'g', module: '', address: 0x100n } },
            ],
    },
    folder: path.join(folder, name),
    threads: 1,
    rowGroupRows: ROW_GROUP_ROWS,
    workerUrl: WORKER_URL,
    ...options,
  });
}

async function fileBytes(file: string): Promise<ArrayBuffer> {
  const buffer = await readFile(file);
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
}

function filesOf(name: string, vcpu: number): string[] {
  const own = path.join(folder, name, `vcpu=${vcpu}`);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .sort()
    .map((file) => path.join(own, file));
}

async function rowsIn(name: string): Promise<Record<string, unknown>[]> {
  const compressors = {
    ZSTD: (input: Uint8Array, length: number): Uint8Array => zstd.decode(input, length),
  };
  return parquetReadObjects({ file: await fileBytes(name), compressors });
}

async function rowsOf(name: string, vcpu: number): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const file of filesOf(name, vcpu)) rows.push(...(await rowsIn(file)));
  return rows;
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const known = (value: bigint): bigint | undefined =>
  value === 2n ** 64n - 1n ? undefined : signed(value);

function functionAt({ block, insn }: SeenAccess): string | undefined {
  if (block % 3 === 0) return undefined;
  return insn < 2 ? `f${block % 3}` : 'g';
}

function rowOf(access: SeenAccess): Record<string, unknown> {
  return {
    ordinal: BigInt(access.ordinal),
    stream: access.stream,
    icount: access.icount,
    pc: known(access.pc),
    vaddr: access.phys ? undefined : signed(access.vaddr),
    paddr: known(access.paddr),
    size: access.size,
    kind: access.store ? 'store' : 'load',
    origin: ['instruction', 'event-delivery', 'page-walk'][access.origin],
    cpl: access.cpl === 255 ? undefined : access.cpl,
    cr3: signed(access.cr3),
    device: access.device,
    block: access.block,
    insn: access.insn,
    function: functionAt(access),
  };
}

function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? undefined]));
}

const completed = seen.accesses.filter(({ aborted }) => !aborted);

describe('a folder of Parquet files', () => {
  it('has every access of each vCPU in its folder, in order, with every column', async () => {
    expect(VCPUS.length).toBeGreaterThan(1);
    expect(new Set(completed.map(functionAt)).size).toBe(4);
    for (const vcpu of VCPUS) {
      const expected = completed.filter((access) => access.vcpu === vcpu).map(rowOf);
      expect((await rowsOf('whole', vcpu)).map(plain)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(1000);
    }
  }, 120_000);

  it('is told in numbers', () => {
    expect(counts.rows).toBe(completed.length);
    expect(counts.aborted).toBe(seen.accesses.length - completed.length);
    expect(counts.aborted).toBeGreaterThan(0);
    const files = VCPUS.flatMap((vcpu) => filesOf('whole', vcpu));
    expect(counts.files).toBe(files.length);
    expect(files.length).toBeGreaterThan(VCPUS.length);
    expect(files.map((file) => path.basename(file))).toContain('part-00001.parquet');
    expect(readdirSync(path.join(folder, 'whole')).sort()).toEqual(
      ['_SUCCESS', ...VCPUS.map((vcpu) => `vcpu=${vcpu}`)].sort(),
    );
  });

  it('has row groups that rise with the ordinal, with statistics of signed integers', async () => {
    let groups = 0;
    for (const file of VCPUS.flatMap((vcpu) => filesOf('whole', vcpu))) {
      const { row_groups: rowGroups, schema } = parquetMetadata(await fileBytes(file));
      let last = -1n;
      for (const { columns } of rowGroups) {
        const statsOf = (name: string) =>
          columns.find(({ meta_data: data }) => data?.path_in_schema.join('.') === name)?.meta_data
            ?.statistics;
        const { min_value: min, max_value: max } = requireDefined(statsOf('ordinal'), 'ordinal');
        expect(min).toBeGreaterThan(last);
        last = BigInt(String(max));
        for (const name of ['icount', 'vaddr', 'paddr', 'pc', 'cr3']) {
          expect(typeof requireDefined(statsOf(name), name).min_value).toBe('bigint');
        }
        groups++;
      }
      for (const { name, converted_type: type } of schema) {
        expect(`${name} ${type}`).not.toMatch(/UINT/);
      }
    }
    expect(groups).toBeGreaterThan(VCPUS.length);
  });

  it('lets a reader pass over folders and row groups: what it need not read may be rubbish', async () => {
    const [vcpu = 0, another = 0] = VCPUS;
    const [file = ''] = filesOf('whole', vcpu);
    const rubbish = await fileBytes(file);
    const { row_groups: groups } = parquetMetadata(rubbish);
    for (const { columns } of groups.slice(0, -1)) {
      for (const { meta_data: data } of columns) {
        const chunk = requireDefined(data, 'a column');
        const begin = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
        new Uint8Array(rubbish, begin, Number(chunk.total_compressed_size)).fill(0xff);
      }
    }
    const damaged = path.join(folder, 'damaged');
    await mkdir(path.join(damaged, `vcpu=${vcpu}`), { recursive: true });
    await mkdir(path.join(damaged, `vcpu=${another}`), { recursive: true });
    await writeFile(
      path.join(damaged, `vcpu=${vcpu}`, 'part-00000.parquet'),
      new Uint8Array(rubbish),
    );
    await writeFile(path.join(damaged, `vcpu=${another}`, 'part-00000.parquet'), 'rubbish');

    const rows = (await rowsIn(file)).map(({ ordinal, icount }) => ({
      ordinal: BigInt(String(ordinal)),
      icount: BigInt(String(icount)),
    }));
    const lastGroup = rows.slice(-Number(groups.at(-1)?.num_rows));
    const first = requireDefined(lastGroup[0], 'a row');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const count = async (where: string): Promise<number> => {
      const from = `read_parquet('${damaged}/*/*.parquet', hive_partitioning = true)`;
      const reader = await connection.runAndReadAll(
        `select count(vaddr), count(*) from ${from} where vcpu = ${vcpu} and ${where}`,
      );
      return Number(reader.getRows()[0]?.at(-1));
    };
    expect(groups.length).toBeGreaterThan(1);
    expect(await count(`ordinal >= ${first.ordinal}`)).toBe(lastGroup.length);
    expect(await count(`icount > ${first.icount}`)).toBe(
      rows.filter(({ icount }) => icount > first.icount).length,
    );
    await expect(count(`ordinal >= ${first.ordinal} - 1`)).rejects.toBeInstanceOf(Error);
    connection.closeSync();
    instance.closeSync();
  }, 120_000);

  it('has what is selected, and counts what did not complete of it', async () => {
    const selection: Selection = { ordinals: { begin: 1000, end: 4000 }, cpl: 3, vcpu: VCPUS[0] };
    const wanted = seen.accesses.filter(
      ({ ordinal, cpl, vcpu }) =>
        ordinal >= 1000 && ordinal < 4000 && cpl === 3 && vcpu === VCPUS[0],
    );
    const rows = wanted.filter(({ aborted }) => !aborted);
    const told = await write('part', { selection });
    expect(told).toMatchObject({ rows: rows.length, aborted: wanted.length - rows.length });
    expect(rows.length).toBeGreaterThan(10);
    expect((await rowsOf('part', VCPUS[0] ?? 0)).map(plain)).toEqual(rows.map(rowOf));
  }, 120_000);

  it('has no column of functions without symbols', async () => {
    const selection: Selection = { ordinals: { begin: 0, end: 50 } };
    await write('nameless', { selection, names: { functionsOf: () => [] } });
    const [first] = await rowsOf('nameless', VCPUS[0] ?? 0);
    expect(Object.keys(requireDefined(first, 'a row'))).not.toContain('function');
  }, 120_000);

  it('has the same rows when several files are written at once, by threads that share one', async () => {
    const told = await write('at-once', { threads: 5, partAccesses: 300 });
    expect(told).toMatchObject({ rows: counts.rows, aborted: counts.aborted });
    expect(told.files).toBeGreaterThan(counts.files);
    expect(told.bytes).toBeGreaterThan(0);
    for (const vcpu of VCPUS) {
      expect(await rowsOf('at-once', vcpu)).toEqual(await rowsOf('whole', vcpu));
    }
  }, 120_000);

  it('has files whose numbers have no gaps, whatever turned out to be without a row', async () => {
    const vcpu = requireDefined(VCPUS[0], 'a vCPU');
    const own = completed.filter((access) => access.vcpu === vcpu);
    const { cr3 } = requireDefined(own[own.length >> 1], 'an access in the middle');
    const wanted = own.filter((access) => access.cr3 === cr3);
    expect(wanted[0]).not.toBe(own[0]);
    const space = { lo: Number(cr3 & 0xffff_ffffn), hi: Number(cr3 >> 32n) };
    const selection: Selection = { vcpu, addressSpace: space };
    const told = await write('gaps', { threads: 2, partAccesses: 1, selection });
    expect((await rowsOf('gaps', vcpu)).map(plain)).toEqual(wanted.map(rowOf));
    const names = filesOf('gaps', vcpu).map((file) => path.basename(file));
    expect(names).toEqual(names.map((_, i) => `part-${String(i).padStart(5, '0')}.parquet`));
    expect(told.files).toBe(names.length);
    expect(names.length).toBeGreaterThan(0);
  }, 120_000);

  it('ends all that is written at once when one file cannot be, and is not marked whole', async () => {
    const blocked = path.join(folder, 'blocked', `vcpu=${VCPUS[0]}`, 'part-00001.parquet');
    await mkdir(path.join(blocked, 'in the way'), { recursive: true });
    const request = { trace, shape: SHAPE, selection: {}, names: { functionsOf: () => [] } };
    const writing = writeParquetFolder({
      ...{ ...request, folder: path.join(folder, 'blocked'), threads: 2, partAccesses: 1 },
      workerUrl: WORKER_URL,
    });
    await expect(writing).rejects.toThrow(`cannot write ${blocked}`);
    expect(existsSync(path.join(folder, 'blocked', '_SUCCESS'))).toBe(false);
    expect(filesOf('blocked', VCPUS.at(-1) ?? 0)).toEqual([]);
  }, 120_000);

  it('is not marked whole when it is interrupted amid its files', async () => {
    const controller = new AbortController();
    await mkdir(path.join(folder, 'amid'));
    const request = { trace, shape: SHAPE, selection: {}, names: { functionsOf: () => [] } };
    const parts: number[] = [];
    const writing = writeParquetFolder(
      {
        ...{ ...request, folder: path.join(folder, 'amid'), threads: 2, partAccesses: 1 },
        workerUrl: WORKER_URL,
      },
      {
        signal: controller.signal,
        onProgress(part) {
          parts.push(part);
          if (part > 0.1) controller.abort(new Error('stop'));
        },
      },
    );
    await expect(writing).rejects.toThrow('stop');
    expect(existsSync(path.join(folder, 'amid', '_SUCCESS'))).toBe(false);
    expect(filesOf('amid', VCPUS.at(-1) ?? 0)).toEqual([]);
    expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    expect(parts.at(-1)).toBeLessThan(0.9);
  }, 120_000);

  it('is not marked whole when it is interrupted before', async () => {
    const controller = new AbortController();
    await mkdir(path.join(folder, 'aborted'));
    controller.abort(new Error('stop'));
    const request = { trace, shape: SHAPE, selection: {}, names: { functionsOf: () => [] } };
    await expect(
      writeParquetFolder(
        { ...request, folder: path.join(folder, 'aborted') },
        { signal: controller.signal },
      ),
    ).rejects.toThrow('stop');
    expect(readdirSync(path.join(folder, 'aborted'))).toEqual([]);
  }, 120_000);

  it('is not of what is chosen by what the trace does not tell', async () => {
    const program = randomTrace({ seed: 7, blockCount: 8, executions: 20, streams: 1, oddity: 0 });
    const file = path.join(folder, 'poor.memtrace');
    const lacks = { changeTotals: lacking(['cpl'], 'not known') };
    await writeFile(file, encodeTrace(program, lacks).bytes);
    const poor = await openTrace(file);
    await expect(write('poor', { trace: poor, selection: { cpl: 3 } })).rejects.toThrow(
      'a selection by privilege needs cpl, which this trace does not have: not known',
    );
    await poor.close();
  });
});
