// SPDX-License-Identifier: Apache-2.0
// What the audit comes to: parts of threads, their sum, and the result drawn from it.

import type { TraceShape } from '../analysis/index.ts';
import { cpuModeOfHflags, formatInstruction, type QemuOmissionName } from '../isa/index.ts';
import type { BlockAudit } from './block-audit.ts';
import { addDeliveries, type DeliveryTally, emptyDeliveries } from './delivery-audit.ts';
import { addFinding, emptyFinding, type Finding } from './finding.ts';
import { INFERENCES, type InferenceName, OMISSIONS, RULES, type RuleName } from './rules.ts';
import type { ShapeBook } from './shape-book.ts';

/** One instruction of a block where something is not explained. */
interface Place {
  missing: number;
  extra: number;
  addressMismatches: number;
}

/** Plain data: what a thread sends. */
export interface AuditPart {
  readonly byMnemonic: Map<string, Finding>;
  /** By block id * 512 + instruction. */
  readonly places: Map<number, Place>;
  addressesChecked: number;
  addressMismatches: number;
  /** Who made the accesses that were read. */
  readonly accesses: { all: number; eventDelivery: number; pageWalk: number };
  readonly deliveries: DeliveryTally;
}

export interface MnemonicAudit {
  readonly mnemonic: string;
  /** Completed; a string instruction counts once. */
  readonly executions: number;
  /** Architectural accesses; those that the code alone does not count are counted by `inferred`. */
  readonly expected: number;
  /** recorded = expected + explained + (extra - missing). */
  readonly recorded: number;
  readonly explained: number;
  /** missing + extra. */
  readonly unexplained: number;
  readonly missing: number;
  readonly extra: number;
  readonly rules: Partial<Record<RuleName, number>>;
  readonly inferred: Partial<Record<InferenceName, number>>;
  /** Executions that QEMU completes without the accesses that the manual prescribes: those are not expected. */
  readonly omitted: Partial<Record<QemuOmissionName, number>>;
}

export interface UnexplainedPlace {
  readonly block: number;
  readonly blockVaddr: string;
  /** Index in the block. */
  readonly instruction: number;
  readonly vaddr: string;
  readonly text: string;
  readonly missing: number;
  readonly extra: number;
  readonly addressMismatches: number;
}

export interface AuditResult extends Omit<MnemonicAudit, 'mnemonic'> {
  /** Addresses that the code decides, alone or beside another access, and those of them that are wrong. */
  readonly addressesChecked: number;
  readonly addressMismatches: number;
  /** missing + extra, and deliveries that are wrong. */
  readonly unexplained: number;
  /** Of interrupts and exceptions, each held to the manual as a whole. */
  readonly deliveries: Readonly<DeliveryTally>;
  /** Read, whoever made them: recorded ones of instructions, and the reconstructed ones. */
  readonly accesses: number;
  readonly eventDelivery: number;
  readonly pageWalk: number;
  /** The trace was closed in an orderly way; else this is of what is there. */
  readonly complete: boolean;
  readonly byMnemonic: readonly MnemonicAudit[];
  /** The first 20, by block id. */
  readonly places: readonly UnexplainedPlace[];
  readonly placeCount: number;
}

const INSNS_OF_BLOCK = 512;
const SHOWN_PLACES = 20;

export function emptyPart(): AuditPart {
  return {
    byMnemonic: new Map(),
    places: new Map(),
    addressesChecked: 0,
    addressMismatches: 0,
    accesses: { all: 0, eventDelivery: 0, pageWalk: 0 },
    deliveries: emptyDeliveries(),
  };
}

/** Adds what a block came to. */
export function addBlock(part: AuditPart, id: number, block: BlockAudit, book: ShapeBook): void {
  const byInsn = new Map<number, Finding>(block.findings);
  for (const shape of block.shapes) {
    const count = book.counts[shape.number];
    part.addressesChecked += count * book.checksOf(shape.number);
    part.accesses.pageWalk += count * shape.pageWalks;
    shape.findings.forEach((finding, insn) => {
      const sum = byInsn.get(insn) ?? emptyFinding();
      addFinding(sum, finding, count);
      byInsn.set(insn, sum);
    });
  }
  for (const [insn, finding] of byInsn) {
    const mnemonic = block.profiles[insn]?.mnemonic ?? '(no such instruction)';
    const sum = part.byMnemonic.get(mnemonic) ?? emptyFinding();
    part.byMnemonic.set(mnemonic, sum);
    addFinding(sum, finding);
    addPlace(part, id, insn, { ...finding, addressMismatches: 0 });
  }
  for (const [insn, addressMismatches] of block.addressMismatches ?? []) {
    part.addressMismatches += addressMismatches;
    addPlace(part, id, insn, { missing: 0, extra: 0, addressMismatches });
  }
}

function addPlace(
  { places }: AuditPart,
  id: number,
  insn: number,
  { missing, extra, addressMismatches }: Place,
): void {
  if (missing === 0 && extra === 0 && addressMismatches === 0) return;
  const key = id * INSNS_OF_BLOCK + insn;
  const sum = places.get(key) ?? { missing: 0, extra: 0, addressMismatches: 0 };
  sum.missing += missing;
  sum.extra += extra;
  sum.addressMismatches += addressMismatches;
  places.set(key, sum);
}

export function mergeParts(a: AuditPart, b: AuditPart): AuditPart {
  for (const [mnemonic, finding] of b.byMnemonic) {
    const sum = a.byMnemonic.get(mnemonic) ?? emptyFinding();
    addFinding(sum, finding);
    a.byMnemonic.set(mnemonic, sum);
  }
  for (const [key, place] of b.places) {
    addPlace(a, Math.floor(key / INSNS_OF_BLOCK), key % INSNS_OF_BLOCK, place);
  }
  a.addressesChecked += b.addressesChecked;
  a.addressMismatches += b.addressMismatches;
  a.accesses.all += b.accesses.all;
  a.accesses.eventDelivery += b.accesses.eventDelivery;
  a.accesses.pageWalk += b.accesses.pageWalk;
  addDeliveries(a.deliveries, b.deliveries);
  return a;
}

export function finishAudit(part: AuditPart, trace: TraceShape): AuditResult {
  const all = emptyFinding();
  for (const finding of part.byMnemonic.values()) addFinding(all, finding);
  const { all: accesses, eventDelivery, pageWalk } = part.accesses;
  if (all.recorded + eventDelivery + pageWalk !== accesses) {
    throw new Error(
      `internal: the audit judged ${all.recorded} of ${accesses - eventDelivery - pageWalk} accesses`,
    );
  }
  const byMnemonic = [...part.byMnemonic].map(([mnemonic, finding]) => ({
    mnemonic,
    ...describe(finding),
  }));
  byMnemonic.sort(
    (a, b) =>
      b.unexplained - a.unexplained ||
      b.recorded - a.recorded ||
      b.executions - a.executions ||
      (a.mnemonic < b.mnemonic ? -1 : 1),
  );
  const keys = [...part.places.keys()].sort((a, b) => a - b);
  const described = describe(all);
  return {
    ...described,
    unexplained: described.unexplained + part.deliveries.wrong,
    deliveries: part.deliveries,
    addressesChecked: part.addressesChecked,
    addressMismatches: part.addressMismatches,
    accesses,
    eventDelivery,
    pageWalk,
    complete: trace.complete,
    byMnemonic,
    places: keys.slice(0, SHOWN_PLACES).map((key) => describePlace(part, trace, key)),
    placeCount: keys.length,
  };
}

function describe(finding: Finding): Omit<MnemonicAudit, 'mnemonic'> {
  const { executions, expected, recorded, missing, extra, rules, inferred, omitted } = finding;
  const explained = [...(rules?.values() ?? [])].reduce((sum, count) => sum + count, 0);
  if (recorded !== expected + explained + extra - missing) {
    throw new Error(`internal: the audit's counts do not add up: ${JSON.stringify(finding)}`);
  }
  return {
    executions,
    expected,
    recorded,
    explained,
    unexplained: missing + extra,
    missing,
    extra,
    rules: inOrder(rules ?? new Map(), Object.keys(RULES)),
    inferred: inOrder(inferred ?? new Map(), Object.keys(INFERENCES)),
    omitted: inOrder(omitted ?? new Map(), Object.keys(OMISSIONS)),
  };
}

/** The counts in the order of their table, however they were collected. */
function inOrder<Name extends string>(
  counts: ReadonlyMap<Name, number>,
  names: readonly string[],
): Partial<Record<Name, number>> {
  const sorted = [...counts].sort(([a], [b]) => names.indexOf(a) - names.indexOf(b));
  const result: Partial<Record<Name, number>> = {};
  for (const [name, count] of sorted) result[name] = count;
  return result;
}

function describePlace(part: AuditPart, { code }: TraceShape, key: number): UnexplainedPlace {
  const block = Math.floor(key / INSNS_OF_BLOCK);
  const instruction = key % INSNS_OF_BLOCK;
  const place = part.places.get(key) ?? { missing: 0, extra: 0, addressMismatches: 0 };
  const offsets = code.insnOffsets(block);
  const begin = offsets[instruction] ?? 0;
  const vaddr = code.vaddr(block) + BigInt(begin);
  const hflags = code.mode(block);
  const bytes = code.bytes(block).subarray(begin, offsets[instruction + 1]);
  return {
    block,
    blockVaddr: hex(code.vaddr(block)),
    instruction,
    vaddr: hex(vaddr),
    text: hflags === undefined ? '' : formatInstruction(bytes, cpuModeOfHflags(hflags), vaddr),
    ...place,
  };
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`;
}
