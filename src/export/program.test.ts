// SPDX-License-Identifier: Apache-2.0
// A program known by heart in the formats that have instructions: every record is written down here.

import { describe, expect, it } from 'vitest';
import { exportAll, openEncoded } from './exported.oracle.ts';
import { PROGRAM } from './program.oracle.ts';
import { readChampsim, readDrmemtrace, readLines } from './readers.oracle.ts';

const encoded = openEncoded(PROGRAM);
const LOST = { aborted: 1, devices: 1, eventDeliveries: 4, pageWalks: 0 };

describe('lackey', () => {
  it('has every instruction and its references', async () => {
    const { bytes, lost, records } = await exportAll((await encoded).trace, 'lackey');
    const lines = readLines(bytes, /^(I {2}| L | S )([0-9a-f]+),(\d+)$/);
    const drawn = lines.map(([kind = '', address, size]) => `${kind.trim()} ${address},${size}`);
    const iret = [
      'I ffffffff81000000,2',
      ...['2fd0', '2fd8', '2fe0', '2fe8', '2ff0'].map((at) => `L fffffe000000${at},8`),
    ];
    expect(drawn).toEqual([
      ...['I 401000,1', 'S 7ff8,8'],
      ...iret,
      ...['I 401001,3', 'L 5000,8', 'I 401004,2'],
      ...['I 401006,2', 'L 6000,4', 'S 6000,4', 'I 401008,1', 'L 7ff8,8'],
      ...['I 401000,1', 'S 7ff8,8', 'I 401001,3', 'L 5000,8', 'I 401004,2'],
      ...iret,
      ...['I 401009,2', 'L 8000,1', 'S 9000,1', 'L 8001,1', 'S 9001,1', 'L 8002,1', 'S 9002,1'],
      ...['I 40100b,2', 'I 402000,5', 'S 7ff0,8'],
      ...['I 403000,3', 'S a000,8', 'S a008,8', 'S a010,8', 'S a018,8', 'S a020,8'],
      ...['I 403003,1', 'L 7ff0,8', 'I 402000,2', 'I 402000,2', 'S 0,4'],
      ...['I 404000,1', 'I 404001,2', 'S b000,1', 'S b001,1', 'I 404001,2', 'S b002,1'],
    ]);
    expect({ records, lost }).toEqual({ records: drawn.length, lost: LOST });
  });
});

describe('drmemtrace', () => {
  it('has every entry', async () => {
    const { files, lost, records } = await exportAll((await encoded).trace, 'drmemtrace');
    expect([...files.keys()]).toEqual(['vcpu-0.trace.gz']);
    const entries = readDrmemtrace(files.get('vcpu-0.trace.gz') ?? new Uint8Array(0));
    const drawn = entries
      .filter(({ size }) => size !== 'physical_address' && size !== 'virtual_address')
      .map(({ type, size, value, bytes }) =>
        type === 'encoding'
          ? `encoding ${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
          : `${type === 'marker' ? '' : `${type} `}${size} ${value.toString(16)}`,
      );
    const iretLoads = ['2fd0', '2fd8', '2fe0', '2fe8', '2ff0'].map(
      (at) => `read 8 fffffe000000${at}`,
    );
    expect(drawn).toEqual([
      ...['header 0 7', 'version 7', 'filetype 50240', 'thread 4 1', 'pid 4 1'],
      ...[
        'cache_line_size 40',
        'page_size 1000',
        `timestamp ${(11_644_473_600_000_001n).toString(16)}`,
      ],
      ...['cpu_id 0', 'encoding 55', 'instr 1 401000', 'write 8 7ff8', 'hardware_event 401001'],
      ...['encoding 48cf', 'branch_target 401001', 'return 2 ffffffff81000000', ...iretLoads],
      ...[
        'hardware_context_return ffffffff81000002',
        'encoding 488b03',
        'instr 3 401001',
        'read 8 5000',
      ],
      ...['encoding 7403', 'untaken_jump 2 401004'],
      ...['encoding 0107', 'instr 2 401006', 'read 4 6000', 'write 4 6000'],
      ...['encoding c3', 'branch_target 401000', 'return 1 401008', 'read 8 7ff8'],
      ...['instr 1 401000', 'write 8 7ff8', 'instr 3 401001', 'read 8 5000'],
      ...['taken_jump 2 401004', 'hardware_event 401009'],
      ...['branch_target 401009', 'return 2 ffffffff81000000', ...iretLoads],
      ...[
        'hardware_context_return ffffffff81000002',
        'encoding f3a4',
        'instr 2 401009',
        'read 1 8000',
        'write 1 9000',
      ],
      ...['no_fetch 2 401009', 'read 1 8001', 'write 1 9001'],
      ...['no_fetch 2 401009', 'read 1 8002', 'write 1 9002'],
      ...['encoding ffe0', 'branch_target 402000', 'indirect_jump 2 40100b'],
      ...['encoding e8fb0f0000', 'direct_call 5 402000', 'write 8 7ff0'],
      ...['encoding 0fae00', 'instr 3 403000', 'write 8 a000', 'write 8 a008', 'write 8 a010'],
      ...['write 8 a018', 'write 8 a020'],
      ...['encoding c3', 'branch_target 402000', 'return 1 403003', 'read 8 7ff0'],
      ...['encoding ffe0', 'branch_target 402000', 'indirect_jump 2 402000', 'write 4 fee00000'],
      ...['branch_target 404000', 'indirect_jump 2 402000', 'write 4 0'],
      ...['encoding fc', 'instr 1 404000', 'encoding f3aa', 'instr 2 404001', 'write 1 b000'],
      ...['no_fetch 2 404001', 'write 1 b001', 'no_fetch 2 404001', 'write 1 b002'],
      ...['thread_exit 0 1', 'footer 0 0'],
    ]);
    const { devices, ...rest } = LOST; // a reference like others
    expect({ records, lost }).toEqual({ records: entries.length, lost: { ...rest, events: 0 } });
    expect(devices).toBe(1);
  });

  it('is the same as threads, whose interrupts are signals', async () => {
    const { trace } = await encoded;
    const read = async (format: string): Promise<string[]> => {
      const { files } = await exportAll(trace, format);
      const entries = readDrmemtrace(files.get('vcpu-0.trace.gz') ?? new Uint8Array(0));
      return entries.map(({ type, size, value }) => `${type} ${size} ${value.toString(16)}`);
    };
    expect(await read('drmemtrace-threads')).toEqual(
      (await read('drmemtrace')).map((line) =>
        line
          .replace('filetype 50240', 'filetype 240')
          .replace('hardware_event', 'kernel_event')
          .replace('hardware_context_return', 'kernel_xfer'),
      ),
    );
  });

  it('tells the physical page of data where it is new', async () => {
    const { trace, seen } = await encoded;
    const { files } = await exportAll(trace, 'drmemtrace');
    const entries = readDrmemtrace(files.get('vcpu-0.trace.gz') ?? new Uint8Array(0));
    const told = new Map<bigint, bigint>();
    let physical = 0n;
    const found: bigint[] = [];
    for (const { type, size, value } of entries) {
      if (size === 'physical_address') physical = value;
      if (size === 'virtual_address') told.set(value >> 12n, physical >> 12n);
      if (type !== 'read' && type !== 'write') continue;
      const page = told.get(value >> 12n);
      if (page !== undefined) found.push((page << 12n) | (value & 4095n));
    }
    const wanted = seen.accesses.filter(
      ({ aborted, origin, paddr }) => !aborted && origin === 0 && paddr !== 2n ** 64n - 1n,
    );
    expect(wanted.length).toBeGreaterThan(10);
    expect(found).toEqual(wanted.map(({ paddr }) => paddr));
  });
});

describe('champsim', () => {
  it('has a record of every instruction, iteration and further access', async () => {
    const { bytes, lost, records } = await exportAll((await encoded).trace, 'champsim');
    const found = readChampsim(bytes);
    const drawn = found.map(({ ip, kind, taken, loads, stores }) => {
      const memory = [
        ...loads.map((at) => `L${at.toString(16)}`),
        ...stores.map((at) => `S${at.toString(16)}`),
      ];
      return [ip.toString(16), kind, taken ? 'taken' : '-', ...memory].join(' ');
    });
    const iret = [
      'ffffffff81000000 none - Lfffffe0000002fd0 Lfffffe0000002fd8 Lfffffe0000002fe0 Lfffffe0000002fe8',
      'ffffffff81000000 other taken Lfffffe0000002ff0',
    ];
    expect(drawn).toEqual([
      '401000 none - S7ff8',
      ...iret,
      ...['401001 none - L5000', '401004 conditional -'],
      ...['401006 none - L6000 S6000', '401008 return taken L7ff8'],
      ...['401000 none - S7ff8', '401001 none - L5000', '401004 conditional taken'],
      ...iret,
      ...['401009 none - L8000 S9000', '401009 none - L8001 S9001', '401009 none - L8002 S9002'],
      ...['40100b indirect taken', '402000 direct call taken S7ff0'],
      ...['403000 none - Sa000 Sa008', '403000 none - Sa010 Sa018', '403000 none - Sa020'],
      ...['403003 return taken L7ff0', '402000 indirect taken', '402000 indirect taken'],
      ...['404000 none -', '404001 none - Sb000', '404001 none - Sb001', '404001 none - Sb002'],
    ]);
    expect({ records, lost }).toEqual({ records: found.length, lost: { ...LOST, addressZero: 1 } });
    // push rbp: rbp and rsp (5, 6) are read, rsp is written. add [rdi], eax: flags are written.
    expect(found[0]).toMatchObject({ written: [6], isBranch: false });
    expect(new Set(found[0]?.read)).toEqual(new Set([5, 6]));
    expect(found.find(({ ip }) => ip === 0x40_1006n)?.written).toEqual([25]);
  });
});
