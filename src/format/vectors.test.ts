// SPDX-License-Identifier: Apache-2.0
// Golden files in test/vectors: NAME.hex is a whole trace file (hexadecimal, `#` begins a comment),
// NAME.json what it holds. ts-* were written by the reference encoder, the others by the recorder.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AccessFlag } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { checkTraceSource } from './check-trace.ts';
import { type JsonRecord, narrowArray, narrowRecord, parseJsonRecord } from './json-narrow.ts';
import { decodeTrace } from './reference-decoder.oracle.ts';
import { NO_ADDRESS } from './reference-trace.oracle.ts';
import { openTraceSource } from './trace.ts';

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../test/vectors');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.hex'))
  .map((file) => file.slice(0, -'.hex'.length));

function readVector(name: string): Uint8Array<ArrayBuffer> {
  const text = readFileSync(path.join(FOLDER, `${name}.hex`), 'utf8').replaceAll(/#.*/g, '');
  const digits = text.replaceAll(/\s+/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw new Error(`${name}.hex is not hexadecimal`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Numbers, decimal or `0x` texts. */
function numberOf(value: unknown): bigint {
  if (typeof value === 'number' || typeof value === 'string') return BigInt(value);
  throw new Error(`not a number: ${JSON.stringify(value)}`);
}

function expectedAccess(value: unknown): object {
  const access: JsonRecord = narrowRecord(value, 'access');
  const { paddr } = access;
  return {
    vcpu: Number(numberOf(access['vcpu'])),
    icount: numberOf(access['icount']),
    pc: numberOf(access['pc']),
    vaddr: numberOf(access['vaddr']),
    paddr: paddr === undefined || paddr === null ? NO_ADDRESS : numberOf(paddr),
    size: Number(numberOf(access['size'])),
    store: access['store'] === true,
    aborted: access['aborted'] === true,
    device: access['device'] === true,
  };
}

describe.each(NAMES)('%s', (name) => {
  const bytes = readVector(name);
  const json = parseJsonRecord(readFileSync(path.join(FOLDER, `${name}.json`)), `${name}.json`);
  const accesses = narrowArray(json['accesses'], 'accesses').map(expectedAccess);

  it('is read as it says', async () => {
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const found: object[] = [];
    for await (const batch of trace.accesses({
      columns: ['vcpu', 'icount', 'pc', 'vaddr', 'paddr', 'size', 'flags'],
      includeAborted: true,
    })) {
      for (let i = 0; i < batch.length; i++) {
        const flags = batch.flags?.[i] ?? 0;
        found.push({
          vcpu: batch.vcpu?.[i],
          icount: batch.icount?.[i],
          pc: batch.pc?.[i],
          vaddr: batch.vaddr?.[i],
          paddr: batch.paddr?.[i],
          size: batch.size?.[i],
          store: (flags & AccessFlag.store) !== 0,
          aborted: (flags & AccessFlag.aborted) !== 0,
          device: (flags & AccessFlag.device) !== 0,
        });
      }
    }
    expect(found).toEqual(accesses);
    const sums = trace.summary();
    expect(BigInt(sums.instructions)).toBe(numberOf(json['instructions']));
    expect(BigInt(sums.blocks)).toBe(numberOf(json['blocks']));
    const checked = await checkTraceSource(byteSourceFromBytes(bytes));
    expect(checked.problems.filter(({ kind }) => kind !== 'truncated')).toEqual([]);
  });

  it('is read so by the reference decoder', async () => {
    const seen = await decodeTrace(bytes);
    expect(
      seen.accesses.map(({ vaddr, paddr, pc, icount }) => ({ vaddr, paddr, pc, icount })),
    ).toMatchObject(
      accesses.map((access) => {
        const { vaddr, paddr, pc, icount } = {
          vaddr: 0n,
          paddr: 0n,
          pc: 0n,
          icount: 0n,
          ...access,
        };
        return { vaddr, paddr, pc, icount };
      }),
    );
  });
});
