// SPDX-License-Identifier: Apache-2.0
// Every guest on every QEMU, a few at a time.

import os from 'node:os';
import type { QemuProgram } from '../capture/index.ts';
import {
  type GuestFile,
  type GuestMachine,
  type GuestRun,
  guestNames,
  openGuest,
  recordGuest,
} from '../guests/index.ts';
import { caseId, chooseCases } from './choose-cases.ts';
import { type GuestSource, parseGuest } from './guest-source.ts';
import {
  type Difference,
  type Judgement,
  judgeCase,
  notApplicable,
  UNEXPLAINED,
  unexplained,
  type Verdict,
} from './judge.ts';
import { KINDS, type Kind } from './kinds.ts';
import { isInRange } from './version-range.ts';

/** Keys that scripts rely on keep their names. */
export interface ConformanceResult {
  readonly qemus: readonly TestedQemu[];
  readonly cases: readonly CaseResult[];
  readonly matrix: readonly MatrixRow[];
  /** Of cases that contradict their declaration. */
  readonly unexplained: number;
  /** What a trace counts as wrong, beyond its cases. */
  readonly problems: readonly string[];
}

export interface TestedQemu {
  readonly path: string;
  readonly version: string;
  /** Columns that its traces do not give, or not always, and why. Where they do not, they are not compared. */
  readonly notCompared: readonly {
    readonly column: string;
    readonly why: string;
    /** 'multi': only in runs with a thread for each vCPU; null: in all. */
    readonly thread: 'multi' | null;
  }[];
}

export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly guest: string;
  readonly kind: Kind;
  readonly mode: string;
  /** Version. */
  readonly qemu: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly holes: readonly string[];
  readonly rules: readonly string[];
  readonly details?: Difference;
}

export type VerdictCounts = Readonly<Record<Verdict, number>>;

export interface MatrixRow {
  readonly kind: Kind;
  readonly title: string;
  /** Of each QEMU, in the order of `qemus`. */
  readonly counts: readonly VerdictCounts[];
}

export interface ConformanceRequest {
  readonly qemus: readonly QemuProgram[];
  readonly pluginFile: string;
  /** Guests, kinds of access, ids of cases; default: all cases. */
  readonly only?: readonly string[];
  readonly onProgress?: (done: number, all: number, now: string) => void;
  readonly signal?: AbortSignal;
}

interface Job {
  readonly guest: GuestFile;
  readonly source: GuestSource;
  readonly machine: GuestMachine;
  readonly qemu: QemuProgram;
  /** Those of the source that are asked for. */
  readonly cases: GuestSource['cases'];
}

interface JobResult {
  readonly qemu: QemuProgram;
  readonly notCompared: TestedQemu['notCompared'];
  readonly cases: readonly CaseResult[];
  readonly problems: readonly string[];
}

/** Throws what stopped it when the signal did, and Error for a mistake in a guest's source. */
export async function runConformance(request: ConformanceRequest): Promise<ConformanceResult> {
  const { qemus, onProgress = () => undefined } = request;
  const runs = guestNames()
    .map((name) => openGuest(name))
    .map((file) => ({ file, source: parseGuest(file) }))
    .filter(({ source }) => source.cases.length > 0)
    .flatMap(({ file, source }) =>
      file.machines.map((machine) => ({
        ...{ file, source, machine },
        ...{ guest: file.name, run: machine.name, cases: source.cases },
      })),
    );
  const chosen = chooseCases(runs, request.only ?? []).filter(({ cases }) => cases.length > 0);
  const jobs = qemus.flatMap((qemu) =>
    chosen.map(
      ({ file, source, machine, cases }): Job => ({ guest: file, source, machine, qemu, cases }),
    ),
  );
  let done = 0;
  const results = await inParallel(jobs, async (job) => {
    const what = `${job.guest.name} on QEMU ${job.qemu.version.text}`;
    onProgress(done, jobs.length, what);
    const result = await runJob(job, request);
    onProgress(++done, jobs.length, what);
    return result;
  });
  const cases = results.flatMap((result) => result.cases);
  return {
    qemus: qemus.map((qemu) => ({
      path: qemu.path,
      version: qemu.version.text,
      notCompared: notComparedBy(results.filter((result) => result.qemu === qemu)),
    })),
    cases,
    matrix: matrixOf(
      cases,
      qemus.map(({ version }) => version.text),
    ),
    unexplained: cases.filter(({ reason }) => reason.startsWith(UNEXPLAINED)).length,
    problems: results.flatMap(({ problems }) => problems),
  };
}

const COLUMNS = ['pc', 'icount', 'vaddr', 'paddr', 'cpl', 'address-space', 'device'] as const;

function notComparedBy(results: readonly JobResult[]): TestedQemu['notCompared'] {
  const known = new Map<string, TestedQemu['notCompared'][number]>();
  for (const each of results.flatMap(({ notCompared }) => notCompared)) {
    const key = `${each.column} ${each.why}`;
    const before = known.get(key);
    const isOfOneThread = before === undefined || before.thread === each.thread;
    known.set(key, isOfOneThread ? each : { ...each, thread: null });
  }
  return [...known.values()];
}

/** As many at a time as there are processors. When one fails the others end what they are at. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      try {
        if (item !== undefined) results[at] = await work(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(4, os.availableParallelism()) }, worker);
  // None may still be tidying up when this is over.
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return results;
}

async function runJob(job: Job, request: ConformanceRequest): Promise<JobResult> {
  const { guest, source, machine, qemu } = job;
  const { needs } = machine;
  const target = { version: qemu.version, thread: machine.thread };
  const nothing = { qemu, notCompared: [], problems: [] };
  if (needs !== undefined && !isInRange(target, needs.range)) {
    return { ...nothing, cases: judgeAll(job, () => notApplicable(needs.why)) };
  }
  const { pluginFile, signal } = request;
  let run: GuestRun;
  try {
    run = await recordGuest({
      ...{ guest, machine, qemu, pluginFile },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return { ...nothing, cases: judgeAll(job, () => unexplained(`not recorded: ${why}`)) };
  }
  try {
    // Nothing that a guest did before it failed is relied on; where it differs, that may be why.
    const cases = judgeAll(job, (each) => {
      const judgement = judgeCase(run, machine.thread, source, each);
      if (run.problem === undefined || judgement.details !== undefined) return judgement;
      return unexplained(`guest ${guest.name}: ${run.problem}`);
    });
    const { capabilities } = run.trace;
    const notCompared = COLUMNS.flatMap((column) => {
      const { status, why } = capabilities[column];
      const thread = machine.thread === 'multi' ? ('multi' as const) : null;
      return status === 'yes' ? [] : [{ column, why, thread }];
    });
    return { qemu, cases, notCompared, problems: problemsOf(run) };
  } finally {
    await run.close();
  }
}

function judgeAll(
  { guest, machine, qemu, cases }: Job,
  judge: (guestCase: GuestSource['cases'][number]) => Judgement,
): CaseResult[] {
  return cases.map((each) => {
    const { verdict, reason, holes, rules, details } = judge(each);
    return {
      id: caseId(each.id, machine.name),
      title: each.title,
      guest: guest.name,
      kind: each.kind,
      mode: each.mode,
      qemu: qemu.version.text,
      ...{ verdict, reason, holes, rules },
      ...(details === undefined ? {} : { details }),
    };
  });
}

/** What the recorder itself counts as wrong. */
const COUNTS = ['deliveryMismatches', 'walkMismatches', 'strays', 'unresolvedCuts'] as const;

function problemsOf({ guest, qemu, trace, problem }: GuestRun): string[] {
  const where = `${guest.name} on QEMU ${qemu.version.text}`;
  // Maps are compared with the page tables, and differ where QEMU 7.2 gives no physical address.
  const names =
    trace.capabilities.paddr.status === 'yes' ? [...COUNTS, 'mapMismatches' as const] : COUNTS;
  const wrong = (trace.totals?.streams ?? []).flatMap((stream) =>
    names.flatMap((name) => (stream[name] > 0 ? [`${where}: ${name} is ${stream[name]}`] : [])),
  );
  return problem === undefined ? wrong : [`${where}: ${problem}`, ...wrong];
}

function matrixOf(cases: readonly CaseResult[], versions: readonly string[]): MatrixRow[] {
  return Object.entries(KINDS).flatMap(([kind, title]) => {
    const ofKind = cases.filter((each) => each.kind === kind);
    const [first] = ofKind;
    if (first === undefined) return [];
    const counts = versions.map((version) => {
      const count = (verdict: Verdict): number =>
        ofKind.filter((each) => each.qemu === version && each.verdict === verdict).length;
      return {
        observed: count('observed'),
        reconstructed: count('reconstructed'),
        missing: count('missing'),
        'not-applicable': count('not-applicable'),
      };
    });
    return [{ kind: first.kind, title, counts }];
  });
}
