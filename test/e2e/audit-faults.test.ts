// SPDX-License-Identifier: Apache-2.0
// Break it to believe it: each access of a guest's trace is spoilt in turn, and the audit must say so. An
// execution is audited alone, which is as much as the audit ever looks at together.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunColumns } from '../../src/analysis/index.ts';
import type { AuditResult } from '../../src/audit/index.ts';
import { instructionAudit } from '../../src/audit/instruction-audit.ts';
import { requireDefined } from '../../src/base/index.ts';
import { shapeOfTrace } from '../../src/engine/index.ts';
import { AccessFlag, type TraceSlice } from '../../src/format/index.ts';
import type { GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

/** Of CodeTable.flags(): how many accesses there are is in a register. Without them every access counts. */
const LAST_IS_REP = 2;

interface Execution {
  readonly length: number;
  readonly firstOrdinal: number;
  readonly stream: number;
  readonly chunkIndex: number;
  readonly vaddr: BigUint64Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  readonly insn: Uint16Array;
  readonly runs: RunColumns;
}

/** Each gives the execution with access i spoilt; undefined when it cannot be. */
type Fault = (execution: Execution, i: number) => Execution | undefined;

const dropped: Fault = (execution, i) => {
  const keep = (_: unknown, at: number): boolean => at !== i;
  return {
    ...execution,
    length: execution.length - 1,
    vaddr: execution.vaddr.filter(keep),
    size: execution.size.filter(keep),
    flags: execution.flags.filter(keep),
    insn: execution.insn.filter(keep),
  };
};

const swapped: Fault = (execution, i) => ({
  ...execution,
  flags: execution.flags.with(i, (execution.flags[i] ?? 0) ^ AccessFlag.store),
});

const resized: Fault = (execution, i) => ({
  ...execution,
  size: execution.size.with(i, (execution.size[i] ?? 0) * 2),
});

const givenToNeighbour: Fault = (execution, i) => {
  const insn = execution.insn[i] ?? 0;
  return insn === 0 ? undefined : { ...execution, insn: execution.insn.with(i, insn - 1) };
};

const shifted: Fault = (execution, i) => ({
  ...execution,
  vaddr: execution.vaddr.with(i, (execution.vaddr[i] ?? 0n) + 1n),
});

describe.skipIf(!PLUGIN_IS_BUILT)('one fault in one execution', () => {
  let run: GuestRun;
  let executions: readonly Execution[];
  beforeAll(async () => {
    run = await recordGuestNamed('plain');
    const kept: Execution[] = [];
    const slices = run.trace.slices({ columns: ['vaddr', 'size', 'flags', 'insn'], runs: true });
    for await (const slice of slices) kept.push(...split(slice));
    executions = kept.filter(({ length, runs }) => length > 0 && !endsInRep(runs.block[0] ?? 0));
  });
  afterAll(async () => {
    await run.close();
  });

  const endsInRep = (id: number): boolean => (run.trace.code.flags(id) & LAST_IS_REP) !== 0;

  function* split(slice: TraceSlice): Generator<Execution> {
    const why = 'it was asked for';
    const runs = requireDefined(slice.runs, why);
    const vaddr = requireDefined(slice.vaddr, why);
    const size = requireDefined(slice.size, why);
    const flags = requireDefined(slice.flags, why);
    const insn = requireDefined(slice.insn, why);
    for (let i = 0; i < runs.length; i++) {
      const begin = runs.firstAccess[i] ?? 0;
      const end = runs.firstAccess[i + 1] ?? slice.length;
      yield {
        length: end - begin,
        firstOrdinal: slice.firstOrdinal + begin,
        stream: slice.stream,
        chunkIndex: slice.chunkIndex,
        vaddr: vaddr.slice(begin, end),
        size: size.slice(begin, end),
        flags: flags.slice(begin, end),
        insn: insn.slice(begin, end),
        runs: {
          length: 1,
          firstBlock: runs.firstBlock + i,
          block: runs.block.slice(i, i + 1),
          executed: runs.executed.slice(i, i + 1),
          vcpu: runs.vcpu.slice(i, i + 1),
          icount: runs.icount.slice(i, i + 1),
          firstAccess: new Uint32Array(1),
          continues: runs.continues.slice(i, i + 1),
          shape: new Uint32Array(1),
        },
      };
    }
  }

  function audit(execution: Execution): AuditResult {
    const shape = shapeOfTrace(run.trace);
    const state = instructionAudit.init({}, shape, { index: 0, count: 1 });
    instructionAudit.consume(state, execution);
    const part = instructionAudit.harvest?.(state);
    return instructionAudit.finish(requireDefined(part, 'the audit harvests'), shape);
  }

  const isWrong = ({ unexplained, addressMismatches }: AuditResult): boolean =>
    unexplained + addressMismatches > 0;

  /** Accesses of the execution that the code alone does not count, or that QEMU made besides. */
  const inferredOf = ({ inferred, rules }: AuditResult): number =>
    Object.values(inferred).reduce((sum, count) => sum + count, rules['lock-neg-loads-twice'] ?? 0);

  interface Missed {
    readonly ordinal: number;
    readonly inferred: number;
  }

  /** Spoils every access of an instruction in turn: how many, and those that nobody noticed. */
  function spoilAll(fault: Fault): { readonly made: number; readonly missed: readonly Missed[] } {
    let made = 0;
    const missed: Missed[] = [];
    for (const execution of executions) {
      for (let i = 0; i < execution.length; i++) {
        if (((execution.flags[i] ?? 0) & AccessFlag.origin) !== 0) continue;
        const spoilt = fault(execution, i);
        if (spoilt === undefined) continue;
        made++;
        if (isWrong(audit(spoilt))) continue;
        missed.push({
          ordinal: execution.firstOrdinal + i,
          inferred: inferredOf(audit(execution)),
        });
      }
    }
    return { made, missed };
  }

  it('is not there at first', () => {
    expect(executions.length).toBeGreaterThan(100);
    expect(executions.filter((execution) => isWrong(audit(execution)))).toEqual([]);
  });

  it.each<[string, Fault]>([
    ['that swaps load and store', swapped],
    ['that doubles the size', resized],
    ['that gives it to the instruction before', givenToNeighbour],
  ])('%s is always found', (_name, fault) => {
    const { made, missed } = spoilAll(fault);
    expect(made).toBeGreaterThan(1000);
    expect(missed).toEqual([]);
  });

  it('that drops an access is found unless data alone decides how many there are', () => {
    const { made, missed } = spoilAll(dropped);
    expect(made).toBeGreaterThan(1000);
    // A load that a descriptor may have, and QEMU's own second load of LOCK NEG.
    expect(missed.filter(({ inferred }) => inferred === 0)).toEqual([]);
    expect(missed.length).toBeLessThan(made / 100);
  });

  it('that shifts an address is found when another access, or the code, says where it must be', () => {
    const { made, missed } = spoilAll(shifted);
    const alone = executions.filter(({ length }) => length === 1).length;
    expect(made - missed.length).toBeGreaterThan((made - alone) * 0.8);
  });
});
