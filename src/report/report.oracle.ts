// SPDX-License-Identifier: Apache-2.0
// A report of a made-up trace, for the tests of its drawings: each figure has one place.

import type { TraceReport } from '../query/index.ts';

const YES = { status: 'yes', why: '' } as const;

/** `text` stands wherever a trace or its symbols may bring text of their own. */
export function reportWith(text: string): TraceReport {
  const kinds = { loads: 600, stores: 400 };
  const windows = [0, 100].map((begin) => ({ begin, instructions: 100 }));
  const set = (lines: number) => ({ lines, pages: 1 });
  return {
    analysis: 'report',
    file: `/tmp/${text}.memtrace`,
    parameters: {
      ...{ windowInstructions: 100, lineBytes: 64, pageBytes: 4096, reportTop: 1, symbols: [] },
      windowVcpus: [0],
    },
    result: {
      facts: {
        ...{ file: `/tmp/${text}.memtrace`, fileBytes: 512, complete: true, cause: 'guest-exit' },
        cut: null,
        totals: {
          ...{ instructions: 200, loads: 600, stores: 400, accesses: 1000, userAccesses: 250 },
          ...{ aborted: 3, blocks: 50, events: 2, captured: 1053, encoded: 1053, written: 1053 },
        },
        bytesPerAccess: 0.512,
        capabilities: {
          ...{ vaddr: YES, paddr: YES, pc: YES, icount: YES, cpl: YES, mode: YES, device: YES },
          ...{ region: YES, events: { status: 'partial', why: text }, 'event-delivery': YES },
          ...{ 'page-walk': YES, 'page-attributes': YES, 'port-io': YES, vcpu: YES },
          ...{ 'global-order': YES, values: { status: 'no', why: 'not recorded' } },
          'address-space': YES,
        },
        outside: { dma: 'what devices write' },
        doubts: { strays: 7 },
        deliberateFault: null,
        memoryAudit: {
          ...{ auditedBytes: 2 ** 20, comparisons: 4, differingBytes: 64, unknownBytes: 3 },
          ...{ byCause: { walker: 61, unknown: 3 }, ranges: [{ paddr: 4096, bytes: 3 }] },
        },
        chunkCount: 1,
        codeBlockCount: 5,
        vcpus: [{ vcpu: 0, instructions: 200, loads: 600, stores: 400 }],
        recorder: {
          producer: 'loadstore',
          startedAt: '2026-01-01T00:00:00Z',
          qemu: { path: '/usr/bin/qemu', version: text },
          command: ['qemu', '-name', text],
          images: [{ path: text, bytes: 100, sha256: undefined }],
        },
        plugin: {
          ...{ api: 4, accepts: undefined, vcpus: 1, maxVcpus: 1, fault: undefined },
        },
      },
      counts: {
        ...{ accesses: 1000, ...kinds, instructions: 200, blockExecutions: 50 },
        byOrigin: {
          instruction: { loads: 590, stores: 390 },
          eventDelivery: { loads: 6, stores: 6 },
          pageWalk: { loads: 4, stores: 4 },
        },
        bySize: [{ sizeBytes: 8, ...kinds }],
        byCpl: [
          { cpl: 0, loads: 450, stores: 300 },
          { cpl: 3, loads: 150, stores: 100 },
        ],
        byVcpu: [{ vcpu: 0, ...kinds, blockExecutions: 50 }],
        device: { loads: 0, stores: 0 },
        physical: { loads: 0, stores: 0 },
        bytes: { loads: 4800, stores: 3200 },
        byMnemonic: [{ mnemonic: text, executions: 200 }],
      },
      rate: {
        windowInstructions: 100,
        windows: windows.map(({ begin }) => ({
          begin,
          loads: [225, 0, 0, 75, 0],
          stores: [150, 0, 0, 50, 0],
        })),
        vcpus: [{ vcpu: 0, accesses: [500, 500] }],
      },
      footprint: {
        ...{ accesses: 1000, userAccesses: 250, lineBytes: 64, pageBytes: 4096, sampledOneIn: 1 },
        total: { all: set(32), kernel: set(24), user: set(8) },
        windows: windows.map((window) => ({
          ...window,
          ...{ all: set(16), kernel: set(12), user: set(4) },
        })),
      },
      heat: {
        ...{ loads: 600, stores: 400, unitBytes: 4096, windowInstructions: 100 },
        ...{ begins: [0, 100], end: 200 },
        rows: [
          { address: '0x1000', name: text, region: text, loads: [300, 0], stores: [200, 0] },
          { address: '0x2000', name: 'b', region: 'user', loads: [0, 300], stores: [0, 200] },
        ],
      },
      hot: {
        ...kinds,
        functions: { count: 12, top: [{ name: text, ...kinds }] },
        instructions: { count: 1, top: [{ address: '0x10', function: text, text, ...kinds }] },
        lines: { unitBytes: 64, count: 1, top: [{ address: '0x1000', name: text, ...kinds }] },
        pages: { unitBytes: 4096, count: 1, top: [{ address: '0x1000', name: text, ...kinds }] },
      },
      reuse: {
        ...{ accesses: 1000, excluded: { device: 0, noAddress: 0 }, references: 1000 },
        sampling: { rate: 0.25, references: 250, leastLines: 16 },
        compulsory: 32,
        distances: { mean: 3, standardDeviation: 1, median: null, max: 31 },
        distant: { threshold: 100, references: 0 },
        histogram: [{ from: 0, to: 32, references: 968 }],
        missRatioCurve: [16_384, 32_768, 65_536, 2 ** 20].map((sizeBytes, i) => ({
          ...{ lines: sizeBytes / 64, sizeBytes, misses: 400 - 100 * i },
          missRatio: (400 - 100 * i) / 1000,
        })),
      },
      addressSpaces: {
        isolated: false,
        rows: [
          {
            ...{ number: 1, cr3: '0x1000', userCr3: null, cr3Values: ['0x1000'] },
            ...{ accesses: 1000, userAccesses: 250 },
            first: { ordinal: 0, vcpu: 0, icount: 1 },
            last: { ordinal: 999, vcpu: 0, icount: 200 },
            ...{ programs: [{ name: text, accesses: 200 }], byWindow: [500, 500] },
          },
        ],
      },
      instructionAudit: null,
    },
  };
}
