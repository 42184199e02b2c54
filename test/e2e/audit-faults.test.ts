// SPDX-License-Identifier: Apache-2.0
// Break it to believe it: each access of a guest's trace is spoilt in turn, and the audit must say so. An
// execution is audited alone, which is as much as the audit ever looks at together.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditResult } from '../../src/audit/index.ts';
import { instructionAudit } from '../../src/audit/instruction-audit.ts';
import { AccessFlag, type ExecutionBatch } from '../../src/format/index.ts';
import type { GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

/** Of CodeTable.flags(): how many accesses there are is in a register. Without them every access counts. */
const LAST_IS_REP = 2;

/** Each gives the execution with access i spoilt; undefined when it cannot be. */
type Fault = (execution: ExecutionBatch, i: number) => ExecutionBatch | undefined;

const dropped: Fault = (execution, i) => {
  const keep = (_: unknown, at: number): boolean => at !== i;
  return {
    ...execution,
    accessCount: execution.accessCount - 1,
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
  let executions: readonly ExecutionBatch[];
  beforeAll(async () => {
    run = await recordGuestNamed('plain');
    const kept: ExecutionBatch[] = [];
    for await (const batch of run.trace.executions()) kept.push(...split(batch));
    executions = kept.filter(({ id, accessCount }) => accessCount > 0 && !endsInRep(id[0] ?? 0));
  });
  afterAll(async () => {
    await run.close();
  });

  const endsInRep = (id: number): boolean => (run.trace.code.flags(id) & LAST_IS_REP) !== 0;

  function* split(batch: ExecutionBatch): Generator<ExecutionBatch> {
    for (let i = 0; i < batch.length; i++) {
      const begin = (batch.accessBegin[i] ?? 0) - batch.accessBase;
      const next = batch.accessBegin[i + 1];
      const end = next === undefined ? batch.accessCount : next - batch.accessBase;
      yield {
        ...batch,
        length: 1,
        firstBlock: batch.firstBlock + i,
        firstOrdinal: batch.firstOrdinal + begin,
        id: batch.id.slice(i, i + 1),
        executed: batch.executed.slice(i, i + 1),
        vcpu: batch.vcpu.slice(i, i + 1),
        icount: batch.icount.slice(i, i + 1),
        shape: new Uint32Array(1),
        accessBegin: new Uint32Array(1),
        accessBase: 0,
        accessCount: end - begin,
        vaddr: batch.vaddr.slice(begin, end),
        size: batch.size.slice(begin, end),
        flags: batch.flags.slice(begin, end),
        insn: batch.insn.slice(begin, end),
      };
    }
  }

  function audit(execution: ExecutionBatch): AuditResult {
    const state = instructionAudit.init(run.trace);
    instructionAudit.consume(state, execution);
    return instructionAudit.finish(instructionAudit.harvest(state), run.trace);
  }

  const isWrong = ({ unexplained, addressMismatches }: AuditResult): boolean =>
    unexplained + addressMismatches > 0;

  /** Accesses of the execution that the code alone does not count, or that QEMU made besides. */
  const inferredOf = ({ inferred, rules }: AuditResult): number =>
    Object.values(inferred).reduce((sum, count) => sum + count, rules['locked-neg'] ?? 0);

  interface Missed {
    readonly ordinal: number;
    readonly inferred: number;
  }

  /** Spoils every access of an instruction in turn: how many, and those that nobody noticed. */
  function spoilAll(fault: Fault): { readonly made: number; readonly missed: readonly Missed[] } {
    let made = 0;
    const missed: Missed[] = [];
    for (const execution of executions) {
      for (let i = 0; i < execution.accessCount; i++) {
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
    const alone = executions.filter(({ accessCount }) => accessCount === 1).length;
    expect(made - missed.length).toBeGreaterThan((made - alone) * 0.8);
  });
});
