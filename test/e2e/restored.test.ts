// SPDX-License-Identifier: Apache-2.0
// A snapshot that is loaded while recording: what was known of memory, translations and code is not said of what
// is there then.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditTrace } from '../../src/audit/index.ts';
import { requireDefined } from '../../src/base/index.ts';
import { chooseQemu, type QemuProgram, requirePluginFile } from '../../src/capture/index.ts';
import { EventFlag, type TraceNote } from '../../src/format/index.ts';
import { type Access, type GuestRun, openGuest, recordGuest } from '../../src/guests/index.ts';
import { addressOf, sectionOf } from './guest-sections.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest } from './run-loadstore.ts';
import { emptyQcow2, Monitor } from './snapshots.ts';

interface Options {
  readonly machine?: string;
  readonly qemu?: QemuProgram;
  readonly auditMemory?: boolean;
}

/** Runs the guest, takes a snapshot when it waits, lets it go on, loads the snapshot and has the guest finish. */
async function recordRestored({
  machine = '',
  auditMemory = false,
  qemu,
}: Options): Promise<GuestRun> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'restored-'));
  try {
    const disk = path.join(folder, 'disk.qcow2');
    const socket = path.join(folder, 'monitor');
    await writeFile(disk, emptyQcow2());
    const guest = openGuest('restored');
    const chosen = requireDefined(
      guest.machines.find(({ name }) => name === machine),
      'a run of that name',
    );
    const stage = requireDefined(guest.symbols.get('stage'), 'stage');
    const recorded = recordGuest({
      guest,
      machine: {
        ...chosen,
        extraArguments: [
          ...['-drive', `if=none,format=qcow2,file=${disk}`],
          ...['-monitor', `unix:${socket},server=on,wait=off`],
        ],
      },
      qemu: qemu ?? (await qemuUnderTest()),
      pluginFile: requirePluginFile(process.env['LOADSTORE_PLUGIN']),
      auditMemory,
    });
    const steered = (async () => {
      const monitor = await Monitor.connect(socket);
      try {
        await monitor.awaitWord(stage, 1);
        await monitor.run('savevm one');
        await monitor.run('o /b 0x71 1');
        await monitor.awaitWord(stage, 2);
        await monitor.run('loadvm one');
        await monitor.awaitWord(stage, 1);
        await monitor.run('o /b 0x71 2');
      } finally {
        monitor.close();
      }
    })();
    const [run] = await Promise.all([recorded, steered]);
    return run;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The QEMU under test, as one without the `log` trace backend: -d help names no trace events, -trace is refused. */
async function withoutLoggedTraces(folder: string): Promise<QemuProgram> {
  const { path: real } = await qemuUnderTest();
  const named = path.join(folder, 'qemu-system-x86_64');
  const lines = [
    '#!/bin/sh',
    `if [ "$*" = "-d help" ]; then '${real}' -d help | grep -v '^trace:'; exit; fi`,
    'for word; do if [ "$word" = -trace ]; then echo no traces >&2; exit 1; fi; done',
    `exec '${real}' "$@"`,
  ];
  await writeFile(named, `${lines.join('\n')}\n`, { mode: 0o755 });
  return chooseQemu({ named, searchPath: '', cacheFolder: folder });
}

function isRestored(note: TraceNote): boolean {
  return note.kind === 'event' && (note.what & EventFlag.restored) !== 0;
}

function ofInstruction(run: GuestRun, label: string): Access[] {
  const pc = addressOf(run, label);
  return run.accesses.filter((access) => access.pc === pc);
}

/** Physical addresses of what the MMU stored for the instruction, in order. */
function walksOf(run: GuestRun, label: string): bigint[] {
  return ofInstruction(run, label)
    .filter(({ origin }) => origin === 'pageWalk')
    .map(({ paddr }) => paddr);
}

describe.skipIf(!PLUGIN_IS_BUILT)('of a guest that was put back by loadvm', () => {
  it('the trace says so, and where its pages are then', async () => {
    const run = await recordRestored({});
    try {
      expect(run.problem).toBeUndefined();
      const at = requireDefined(run.notes.find(isRestored), 'an event');
      expect(run.notes.filter(isRestored)).toHaveLength(1);

      const [frame1, frame2, entry] = ['frame_1', 'frame_2', 'fresh_entry'].map((name) =>
        addressOf(run, name),
      );
      const late = ofInstruction(run, 'w_late');
      expect(new Set(late.map(({ paddr }) => paddr))).toEqual(new Set([(frame2 ?? 0n) + 16n]));
      expect(late.at(-1)?.ordinal).toBeLessThan(at.ordinal);
      const waits = ofInstruction(run, 'w_wait');
      expect(new Set(waits.map(({ paddr }) => paddr))).toEqual(new Set([frame1]));
      expect(waits.filter(({ ordinal }) => ordinal >= at.ordinal).length).toBeGreaterThan(0);

      // What the MMU sets it sets once more.
      expect(walksOf(run, 'a_load')).toEqual([entry]);
      expect(walksOf(run, 'a_set')).toEqual([entry]);
      expect(walksOf(run, 'b_load')).toEqual([entry]);
      expect(walksOf(run, 'b_set')).toEqual([entry]);

      const { inside } = sectionOf(run, 0);
      const last = requireDefined(inside.at(-1), 'the store of what the code has loaded');
      expect(last.paddr).toBe((frame1 ?? 0n) + 24n);

      // Instructions are counted on; none is counted twice or taken back.
      let icount = 0;
      for (const access of run.accesses) {
        expect(access.icount).toBeGreaterThanOrEqual(icount);
        icount = access.icount;
      }
      const [stream] = run.trace.totals?.streams ?? [];
      expect(stream).toMatchObject({
        mapMismatches: 0,
        walkMismatches: 0,
        missingDeliveries: 0,
        deliveryMismatches: 0,
        unresolvedCuts: 0,
        strays: 0,
      });
      expect(await auditTrace(run.outcome.file, { workers: 0 })).toMatchObject({
        unexplained: 0,
        addressMismatches: 0,
        complete: true,
      });
    } finally {
      await run.close();
    }
  });

  it('the memory audit knows what was put back', async () => {
    const run = await recordRestored({ auditMemory: true });
    try {
      expect(run.problem).toBeUndefined();
      const audit = requireDefined(run.trace.totals?.memoryAudit, 'memory was audited');
      expect({ unknown: audit.unknownBytes, ranges: audit.ranges }).toEqual({
        unknown: 0,
        ranges: [],
      });
      // The stage, the code, an entry with its frame and one without its bits at the least.
      expect(audit.byCause['snapshot']).toBeGreaterThan(4);
    } finally {
      await run.close();
    }
  });

  it('addresses and page tables are right where the log cannot tell of it', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'untraced-'));
    const qemu = await withoutLoggedTraces(folder);
    expect(qemu.logsTraces).toBe(false);
    const run = await recordRestored({ qemu });
    try {
      expect(run.problem).toBeUndefined();
      expect(run.notes.filter(isRestored)).toEqual([]);
      const { events, 'page-walk': walks } = run.trace.capabilities;
      expect(events.why).toContain('that a snapshot was loaded is not told');
      expect(walks.why).toContain('not those of fetches before QEMU dropped its translated code');
      const [frame1, entry] = ['frame_1', 'fresh_entry'].map((name) => addressOf(run, name));
      expect(new Set(ofInstruction(run, 'w_wait').map(({ paddr }) => paddr))).toEqual(
        new Set([frame1]),
      );
      expect(sectionOf(run, 0).inside.at(-1)?.paddr).toBe((frame1 ?? 0n) + 24n);
      // What the MMU sets it sets once more.
      for (const label of ['a_load', 'a_set', 'b_load', 'b_set']) {
        expect(walksOf(run, label)).toEqual([entry]);
      }
      expect(run.trace.totals?.streams).toMatchObject([{ mapMismatches: 0, walkMismatches: 0 }]);
    } finally {
      await run.close();
      await rm(folder, { recursive: true });
    }
  });

  it('with a thread for each vCPU and no events addresses are right all the same', async ({
    skip,
  }) => {
    skip((await qemuUnderTest()).pluginApi === 1, 'this QEMU refuses such a recording');
    const run = await recordRestored({ machine: 'multi' });
    try {
      expect(run.problem).toBeUndefined();
      expect(run.trace.capabilities.events.status).toBe('no');
      const frame1 = addressOf(run, 'frame_1');
      expect(new Set(ofInstruction(run, 'w_wait').map(({ paddr }) => paddr))).toEqual(
        new Set([frame1]),
      );
      expect(sectionOf(run, 0).inside.at(-1)?.paddr).toBe(frame1 + 24n);
    } finally {
      await run.close();
    }
  });
});
