// SPDX-License-Identifier: Apache-2.0
// Reads a whole trace and compares everything it says twice: checksums, counts, bounds, vCPU states,
// totals. Damage is a finding, not a failure; the walk goes on where it can.

import { halves, TraceError, type TraceErrorKind } from '../base/index.ts';
import { AccessFlag } from './access-batch.ts';
import type { ByteSource } from './byte-source.ts';
import { type ChunkRecord, chunkError } from './chunk-header.ts';
import type { ChunkKernel } from './kernel.ts';
import { giveBackKernel, takeKernel } from './kernel-pool.ts';
import { MAX_VCPUS, SectionKind } from './layout.ts';
import type { StreamTotals } from './metadata.ts';
import { type AccessPlan, decodeAccesses } from './read-accesses.ts';
import { readPayload, type Section } from './section.ts';
import { type Survey, surveyTrace } from './survey.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';

export interface TraceProblem {
  readonly kind: TraceErrorKind;
  /** Number of the section, from 0; undefined when it is about the file. */
  readonly section: number | undefined;
  readonly fileOffset: number | undefined;
  readonly message: string;
  readonly remedy: string;
}

export interface CheckResult extends Tally {
  readonly ok: boolean;
  readonly problems: readonly TraceProblem[];
  /** Problems that are not in the list, which ends at 100. */
  readonly moreProblems: number;
  readonly complete: boolean;
  /** KIND:N of the faults that a test injected: the trace is whole and wrong. */
  readonly deliberateFault: string | undefined;
  /** The file says how much was recorded, so that what was decoded could be compared. */
  readonly hasTotals: boolean;
  readonly fileBytes: number;
  readonly sections: number;
  readonly chunks: number;
}

export interface CheckOptions {
  readonly onProgress?: (doneBytes: number, fileBytes: number) => void;
  readonly signal?: AbortSignal;
}

const MAX_PROBLEMS = 100;
const DEFAULT_REMEDY = 'Repair the trace to keep what is before it.';

/** Throws only 'io', 'limit' and the reason of an aborted signal; all else is in the result. */
export async function checkTraceSource(
  source: ByteSource,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const problems = problemList();
  const survey = await trySurvey(source, problems);
  const decoded: Decoded = { streams: new Map(), vcpus: new Map() };
  if (survey !== undefined) {
    if (survey.cut !== undefined) {
      problems.add({
        kind: survey.cut.kind,
        section: survey.sections.length,
        fileOffset: survey.cut.fileOffset,
        message: survey.cut.reason,
        remedy: DEFAULT_REMEDY,
      });
    }
    await checkSections(source, survey, options, problems, decoded);
    checkTotals(survey, decoded, problems);
  }
  const tally = emptyTally();
  for (const stream of decoded.streams.values()) addTally(tally, stream);
  return {
    ...tally,
    ok: problems.list.length === 0,
    problems: problems.list,
    moreProblems: problems.more,
    complete: survey?.complete ?? false,
    deliberateFault: survey?.header.plugin.fault,
    hasTotals: survey?.totals !== undefined,
    fileBytes: source.byteLength,
    sections: survey?.sections.length ?? 0,
    chunks: survey?.chunks.length ?? 0,
  };
}

/** Sums of what was decoded. */
interface Decoded {
  readonly streams: Map<number, Tally>;
  /** Completed instructions. */
  readonly vcpus: Map<number, number>;
}

interface ProblemList {
  readonly list: TraceProblem[];
  readonly more: number;
  add(problem: TraceProblem): void;
  addError(error: unknown): void;
}

function problemList(): ProblemList {
  const list: TraceProblem[] = [];
  let more = 0;
  const add = (problem: TraceProblem): void => {
    if (list.length < MAX_PROBLEMS) list.push(problem);
    else more++;
  };
  return {
    list,
    get more() {
      return more;
    },
    add,
    addError(error) {
      if (!(error instanceof TraceError) || error.kind === 'io' || error.kind === 'limit')
        throw error;
      const { expected, found, remedy = DEFAULT_REMEDY } = error.facts;
      const detail = [
        expected === undefined ? [] : [`expected ${expected}`],
        found === undefined ? [] : [`found ${found}`],
      ].flat();
      add({
        kind: error.kind,
        section: error.facts.blockIndex,
        fileOffset: error.facts.fileOffset,
        message: detail.length === 0 ? error.message : `${error.message} (${detail.join(', ')})`,
        remedy,
      });
    },
  };
}

async function trySurvey(source: ByteSource, problems: ProblemList): Promise<Survey | undefined> {
  try {
    return await surveyTrace(source);
  } catch (error) {
    problems.addError(error);
    return undefined;
  }
}

async function checkSections(
  source: ByteSource,
  survey: Survey,
  options: CheckOptions,
  problems: ProblemList,
  decoded: Decoded,
): Promise<void> {
  const records = new Map(survey.chunks.map((record) => [record.section.sectionIndex, record]));
  const states: StreamStates = new Map();
  const kernel = takeKernel(survey.code);
  for (const section of survey.sections) {
    options.signal?.throwIfAborted();
    options.onProgress?.(section.fileOffset, source.byteLength);
    const record = records.get(section.sectionIndex);
    try {
      if (record !== undefined) {
        const payload = await readPayload(source, section);
        const tally = decoded.streams.get(record.info.stream) ?? emptyTally();
        decoded.streams.set(record.info.stream, tally);
        addTally(tally, checkChunk(kernel, record, payload, states, problems));
        for (const [vcpu, growth] of icountGrowths(kernel, record)) {
          decoded.vcpus.set(vcpu, (decoded.vcpus.get(vcpu) ?? 0) + Number(growth));
        }
      } else if (!isCheckedBySurvey(section)) {
        await readPayload(source, section);
      }
    } catch (error) {
      problems.addError(error);
    }
  }
  giveBackKernel(kernel);
  options.onProgress?.(source.byteLength, source.byteLength);
}

/** The survey reads the payload of every kind it knows but the chunks'. */
function isCheckedBySurvey({ kind }: Section): boolean {
  return kind >= SectionKind.header && kind <= SectionKind.trailer;
}

/** By stream, vCPU states at the end of its last chunk. */
type StreamStates = Map<number, Map<number, { icount: bigint; cr3: bigint; pendingRep: bigint }>>;

const CHECK_PLAN: AccessPlan = {
  columns: new Set(['vaddr', 'paddr', 'flags', 'cpl']),
  vcpu: undefined,
  from: 0,
  to: Number.MAX_SAFE_INTEGER,
  stream: undefined,
  includeAborted: true,
  copy: false,
};

function checkChunk(
  kernel: ChunkKernel,
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  states: StreamStates,
  problems: ProblemList,
): Tally {
  const { info } = record;
  checkStates(record, states, problems);
  states.delete(info.stream);
  kernel.load(record, payload, true);
  const tally = emptyTally();
  const lowest = u64Parts(info.lowestVaddr);
  const highest = u64Parts(info.highestVaddr);
  let outside = 0;
  for (const { vaddr, flags, cpl, length } of decodeAccesses(kernel, record, CHECK_PLAN)) {
    if (vaddr === undefined || flags === undefined || cpl === undefined) break;
    tally.accesses += length;
    countKinds(tally, flags, cpl);
    outside += countOutside(halves(vaddr), lowest, highest);
  }
  tally.blocks = info.blockCount;
  tally.events = kernel.eventsSoFar;
  let growth = 0n;
  for (const ofVcpu of icountGrowths(kernel, record).values()) growth += ofVcpu;
  tally.instructions = Number(BigInt.asIntN(64, growth));
  keepStates(kernel, info.stream, states);
  const differences = (
    ['accesses', 'loads', 'stores', 'aborted', 'userAccesses', 'events', 'instructions'] as const
  ).filter((name) => tally[name] !== stated(record, name));
  for (const name of differences) {
    problems.addError(
      chunkError(
        record,
        'count-mismatch',
        `it has not as many ${name} as it says`,
        `${stated(record, name)}`,
        `${tally[name]}`,
      ),
    );
  }
  if (outside > 0) {
    problems.addError(
      chunkError(record, 'corrupt', `${outside} addresses are outside the bounds it gives`),
    );
  }
  return tally;
}

function stated({ info }: ChunkRecord, name: keyof Tally): number {
  switch (name) {
    case 'accesses':
      return info.accessCount;
    case 'blocks':
      return info.blockCount;
    case 'instructions':
      return info.instructionCount;
    default:
      return info[name];
  }
}

function countKinds(tally: Tally, flags: Uint8Array, cpl: Uint8Array): void {
  for (let i = 0; i < flags.length; i++) {
    if ((flags[i] & AccessFlag.aborted) !== 0) {
      tally.aborted++;
      continue;
    }
    if ((flags[i] & AccessFlag.store) === 0) tally.loads++;
    else tally.stores++;
    if (cpl[i] === 3) tally.userAccesses++;
  }
}

interface U64Parts {
  readonly lo: number;
  readonly hi: number;
}

function u64Parts(value: bigint): U64Parts {
  return { lo: Number(value & 0xffff_ffffn), hi: Number(value >> 32n) };
}

/** Addresses that do not fit 48 bits are told by a note and not bounded. */
function countOutside(words: Uint32Array, lowest: U64Parts, highest: U64Parts): number {
  let outside = 0;
  for (let i = 0; i < words.length; i += 2) {
    const lo = words[i];
    const hi = words[i + 1];
    const isBelow = hi < lowest.hi || (hi === lowest.hi && lo < lowest.lo);
    const isAbove = hi > highest.hi || (hi === highest.hi && lo > highest.lo);
    if ((isBelow || isAbove) && (hi >>> 15 === 0 || hi >>> 15 === 0x1_ffff)) outside++;
  }
  return outside;
}

/** By vCPU, instructions that it completed in the chunk; only of those that did. */
function icountGrowths(kernel: ChunkKernel, { info }: ChunkRecord): Map<number, bigint> {
  const growths = new Map<number, bigint>();
  const grow = (vcpu: number, by: bigint): void => {
    const growth = BigInt.asIntN(64, (growths.get(vcpu) ?? 0n) + by);
    if (growth === 0n) growths.delete(vcpu);
    else growths.set(vcpu, growth);
  };
  for (let vcpu = 0; vcpu < MAX_VCPUS; vcpu++) grow(vcpu, kernel.vcpuAfter(vcpu).icount);
  for (const state of info.vcpuStates) grow(state.vcpu, -state.icount);
  return growths;
}

function keepStates(kernel: ChunkKernel, stream: number, states: StreamStates): void {
  const after = new Map<number, { icount: bigint; cr3: bigint; pendingRep: bigint }>();
  for (let vcpu = 0; vcpu < MAX_VCPUS; vcpu++) after.set(vcpu, kernel.vcpuAfter(vcpu));
  states.set(stream, after);
}

/** What a chunk restates of its vCPUs is what the chunk before it ended with. */
function checkStates(record: ChunkRecord, states: StreamStates, problems: ProblemList): void {
  const before = states.get(record.info.stream);
  if (before === undefined) return;
  for (const state of record.info.vcpuStates) {
    const known = before.get(state.vcpu);
    for (const name of ['icount', 'cr3', 'pendingRep'] as const) {
      if (known === undefined || known[name] === state[name]) continue;
      problems.addError(
        chunkError(
          record,
          'count-mismatch',
          `vCPU ${state.vcpu} does not continue with the ${name} it had`,
          `${known[name]}`,
          `${state[name]}`,
        ),
      );
    }
  }
}

function checkTotals({ totals, chunks }: Survey, decoded: Decoded, problems: ProblemList): void {
  if (totals === undefined) return;
  const differ = (message: string): void => {
    problems.add({
      kind: 'count-mismatch',
      section: undefined,
      fileOffset: undefined,
      message,
      remedy: 'Record again: the trace does not hold what was captured.',
    });
  };
  for (const told of totals.streams) {
    const found = decoded.streams.get(told.stream) ?? emptyTally();
    for (const [name, count] of expectedTotals(found)) {
      if (told[name] === count) continue;
      differ(`stream ${told.stream}: totals say ${told[name]} ${name}, decoded ${count}`);
    }
  }
  const named = new Set(totals.streams.map(({ stream }) => stream));
  for (const stream of new Set(chunks.map(({ info }) => info.stream))) {
    if (named.has(stream)) continue;
    const { accesses, blocks } = decoded.streams.get(stream) ?? emptyTally();
    differ(`stream ${stream}: the totals do not name it, decoded ${accesses + blocks} records`);
  }
  // A recorder need not tell the vCPUs.
  if (totals.vcpus.length === 0) return;
  const told = new Map(totals.vcpus.map(({ vcpu, instructions }) => [vcpu, instructions]));
  for (const vcpu of new Set([...told.keys(), ...decoded.vcpus.keys()])) {
    const claimed = told.get(vcpu) ?? 0;
    const count = decoded.vcpus.get(vcpu) ?? 0;
    if (claimed === count) continue;
    differ(`vCPU ${vcpu}: totals say ${claimed} instructions, decoded ${count}`);
  }
}

/** What the totals of a stream must say. */
function expectedTotals(found: Tally): readonly (readonly [keyof StreamTotals, number])[] {
  const sum = found.accesses + found.blocks;
  return [
    ['captured', sum],
    ['encoded', sum],
    ['written', sum],
    ['accesses', found.accesses],
    ['blocks', found.blocks],
    ['instructions', found.instructions],
    ['loads', found.loads],
    ['stores', found.stores],
    ['aborted', found.aborted],
    ['events', found.events],
  ];
}
