// SPDX-License-Identifier: Apache-2.0
// One instruction of one block execution: what was recorded against what was expected. String instructions
// with a rep prefix are in match-iterations.ts.

import { type Alignment, alignAccesses } from './align-accesses.ts';
import type { ExpectedAccess } from './expected-access.ts';
import { addInferred, addOmitted, addRule, emptyFinding, type Finding } from './finding.ts';
import type { ExpectedForm, InstructionProfile } from './instruction-profile.ts';
import type { RuleName } from './rules.ts';
import { alignmentOf, matchArea, XSAVE_ALIGNMENT } from './state-area-match.ts';

export interface RecordedAccess {
  /** Its place among the accesses of the block execution. */
  readonly index: number;
  readonly store: boolean;
  readonly bytes: number;
  readonly aborted: boolean;
  /** In the execution that is looked at; others of the same shape have others. */
  readonly address: bigint;
}

/** Whether the instruction completed, or what stopped it. */
export type Completion = 'completed' | 'aborted' | 'recording-ended';

/** Where a recorded access lies: offset bytes into an expected access. */
export interface PlacedPiece {
  readonly index: number;
  readonly expected: ExpectedAccess;
  readonly offset: number;
}

export interface InstructionMatch {
  readonly finding: Finding;
  readonly pieces: readonly PlacedPiece[];
}

const XSTATE_BV_OFFSET = 512n;

/** Nothing was to be accessed and nothing was. */
const QUIET: InstructionMatch = { finding: { ...emptyFinding(), executions: 1 }, pieces: [] };

/** The form that fits best: the usual one, unless another leaves less unexplained. */
export function matchInstruction(
  profile: InstructionProfile,
  recorded: readonly RecordedAccess[],
  completion: Completion,
): InstructionMatch {
  if (isQuiet(profile) && recorded.length === 0 && completion === 'completed') return QUIET;
  const isUnknown = profile.decoded === undefined && completion === 'completed';
  let best = matchForm(profile, recorded, completion, isUnknown);
  for (const form of profile.otherForms) {
    if (best.unfit === 0) break;
    const other = matchForm(form, recorded, completion, isUnknown);
    // What QEMU leaves out it leaves out whole.
    if (form.omission !== undefined && other.unfit > 0) continue;
    if (other.unfit < best.unfit) best = other;
  }
  return { finding: sharedFinding(best.finding), pieces: best.pieces };
}

interface FormMatch extends InstructionMatch {
  /** 0: nothing is unexplained, and the accesses lie where they must beside each other. */
  readonly unfit: number;
}

function matchForm(
  form: ExpectedForm,
  recorded: readonly RecordedAccess[],
  completion: Completion,
  isUnknown: boolean,
): FormMatch {
  const finding = emptyFinding();
  const pieces: PlacedPiece[] = [];
  finding.executions = completion === 'completed' ? 1 : 0;
  finding.recorded = recorded.length;
  const fitting = recorded.filter(({ aborted }) => aborted === (completion === 'aborted'));
  finding.extra += recorded.length - fitting.length;
  const areaBegin = findAreaBegin(form, fitting);
  let misplaced = 0;
  for (const [expected, isStore] of [
    [form.loads, false],
    [form.stores, true],
  ] as const) {
    const ofDirection = fitting.filter(({ store }) => store === isStore);
    const isPlaced = matchDirection(expected, ofDirection, completion, areaBegin, finding, pieces);
    if (!isPlaced) misplaced++;
  }
  if (form.omission !== undefined && completion === 'completed') {
    addOmitted(finding, form.omission, 1);
  }
  if (isUnknown) {
    // Nobody knows what it should access: that counts as one access that is not there.
    finding.expected++;
    finding.missing++;
  }
  // What is left over weighs more than where the rest lies.
  const unfit = (finding.missing + finding.extra) * 3 + misplaced;
  return { finding, pieces, unfit };
}

/** Most instructions come to one of a few findings: a kernel's shapes need not have millions of equal ones. */
const shared = new Map<string, Finding>();

function sharedFinding(finding: Finding): Finding {
  const { executions, expected, recorded, missing, extra, rules, inferred, omitted } = finding;
  const isPlain = rules === undefined && inferred === undefined && omitted === undefined;
  if (!isPlain || missing + extra > 0) return finding;
  const key = `${executions} ${expected} ${recorded}`;
  const known = shared.get(key) ?? finding;
  shared.set(key, known);
  return known;
}

function isQuiet({ decoded, loads, stores }: InstructionProfile): boolean {
  return decoded !== undefined && loads.length === 0 && stores.length === 0;
}

/** False: accesses of which the code says how far apart they are do not lie so. */
function matchDirection(
  expected: readonly ExpectedAccess[],
  recorded: readonly RecordedAccess[],
  completion: Completion,
  areaBegin: bigint | undefined,
  finding: Finding,
  pieces: PlacedPiece[],
): boolean {
  const [first] = expected;
  if (first?.kind === 'state-area') {
    matchStateArea(first, recorded, completion, areaBegin, finding, pieces);
    return true;
  }
  if (first?.kind === 'masked') {
    matchMasked(first, recorded, completion, finding);
    return true;
  }
  return matchListed(expected, recorded, completion, finding, pieces);
}

function matchListed(
  expected: readonly ExpectedAccess[],
  recorded: readonly RecordedAccess[],
  completion: Completion,
  finding: Finding,
  pieces: PlacedPiece[],
): boolean {
  const sizes = recorded.map(({ bytes }) => bytes);
  const options = { isPartial: completion !== 'completed' };
  let inOrder = expected;
  let alignment = inAddressOrder(alignAccesses(inOrder, sizes, options), recorded);
  let isPlaced = isConsistent(inOrder, recorded, alignment);
  if (!isPlaced) {
    // The manual does not order accesses of one instruction; QEMU makes some lists from the other end.
    const reversed = expected.toReversed();
    const other = inAddressOrder(alignAccesses(reversed, sizes, options), recorded);
    if (countLeft(other) <= countLeft(alignment) && isConsistent(reversed, recorded, other)) {
      inOrder = reversed;
      alignment = other;
      isPlaced = true;
    }
  }
  finding.missing += alignment.missing.length;
  finding.extra += alignment.extra;
  for (const piece of alignment.pieces) {
    pieces.push({
      index: recorded[piece.recorded].index,
      expected: inOrder[piece.expected],
      offset: piece.offset,
    });
  }
  if (completion !== 'completed') {
    addRule(finding, ruleOf(completion), alignment.pieces.length);
    return isPlaced;
  }
  finding.expected += alignment.missing.length;
  for (const made of alignment.made) {
    const own = alignment.pieces.filter((piece) => piece.expected === made);
    const rule = ruleOfMade(inOrder[made], own, sizes);
    if (rule !== undefined) {
      addRule(finding, rule, own.length);
      continue;
    }
    finding.expected++;
    addRule(finding, 'split', own.length - 1);
    if (inOrder[made].condition !== '') addInferred(finding, 'condition', 1);
  }
  return isPlaced;
}

/** Undefined: it is the manual's access, with the manual's bytes. */
function ruleOfMade(
  { rule, wider, bytes }: ExpectedAccess,
  pieces: Alignment['pieces'],
  sizes: readonly number[],
): RuleName | undefined {
  const made = pieces.reduce((sum, { recorded }) => sum + sizes[recorded], 0);
  return made === bytes ? rule : wider?.rule;
}

function ruleOf(completion: 'aborted' | 'recording-ended'): 'faulted-attempt' | 'recording-ended' {
  return completion === 'aborted' ? 'faulted-attempt' : 'recording-ended';
}

function countLeft({ missing, extra }: Alignment): number {
  return missing.length + extra;
}

/** Pieces of one access may be made in any order; when they tile it, their addresses say which is where. */
function inAddressOrder(alignment: Alignment, recorded: readonly RecordedAccess[]): Alignment {
  const pieces = alignment.made.flatMap((made) => {
    const own = alignment.pieces.filter(({ expected }) => expected === made);
    const ascending = own.toSorted((a, b) =>
      recorded[a.recorded].address < recorded[b.recorded].address ? -1 : 1,
    );
    const [lowest] = ascending;
    let end = recorded[lowest.recorded].address;
    for (const { recorded: at } of ascending) {
      if (recorded[at].address !== end) return own;
      end += BigInt(recorded[at].bytes);
    }
    return own.map((piece) => ({
      ...piece,
      offset: Number(recorded[piece.recorded].address - recorded[lowest.recorded].address),
    }));
  });
  return { ...alignment, pieces };
}

/** Pieces whose addresses the code puts a fixed distance apart are that far apart. */
function isConsistent(
  expected: readonly ExpectedAccess[],
  recorded: readonly RecordedAccess[],
  { pieces }: Alignment,
): boolean {
  const bases = new Map<string, bigint>();
  return pieces.every(({ recorded: at, expected: of, offset }) => {
    const { address } = expected[of];
    if (address === undefined) return true;
    const { segment, base = '', index = '', scale, displacement, addressBits } = address;
    const key = `${segment}:${base}+${index}*${scale}`;
    const found = BigInt.asUintN(addressBits, recorded[at].address - displacement - BigInt(offset));
    const known = bases.get(key) ?? found;
    bases.set(key, known);
    return known === found;
  });
}

function findAreaBegin(
  { loads, stores }: ExpectedForm,
  recorded: readonly RecordedAccess[],
): bigint | undefined {
  const isArea = [...loads, ...stores].some(({ kind }) => kind === 'state-area');
  if (!isArea || recorded.length === 0) return undefined;
  const fields = [...loads, ...stores].flatMap((one) => one.fields ?? []);
  const lowest = recorded.reduce(
    (low, { address }) => (address < low ? address : low),
    recorded[0].address,
  );
  if (alignmentOf(fields) !== XSAVE_ALIGNMENT) return lowest;
  // Saving merges XSTATE_BV, restoring begins with it: it is what is loaded first.
  const header = recorded.find(({ store }) => !store);
  // A fault came before: then what was stored is at least of x87 or SSE, whose first field is in the first bytes.
  return header === undefined
    ? lowest - (lowest % XSAVE_ALIGNMENT)
    : header.address - XSTATE_BV_OFFSET;
}

function matchStateArea(
  expected: ExpectedAccess,
  recorded: readonly RecordedAccess[],
  completion: Completion,
  begin: bigint | undefined,
  finding: Finding,
  pieces: PlacedPiece[],
): void {
  const { fields = [] } = expected;
  const isPlaced = begin !== undefined && begin % alignmentOf(fields) === 0n;
  const accesses = isPlaced ? recorded : [];
  const match = matchArea(
    fields,
    begin ?? 0n,
    accesses.map(({ address, bytes }) => ({ address, bytes })),
    completion !== 'completed',
  );
  let placed = 0;
  match.offsets.forEach((offset, i) => {
    if (offset === undefined) return;
    placed++;
    pieces.push({ index: accesses[i].index, expected, offset });
  });
  finding.extra += recorded.length - placed;
  if (completion === 'completed') {
    // The area counts as one access; a field that is not there is one that is missing beside it.
    finding.expected += 1 + match.missing;
    finding.missing += match.missing + (placed === 0 ? 1 : 0);
    addRule(finding, 'state-area', Math.max(0, placed - 1));
  } else {
    addRule(finding, ruleOf(completion), placed);
  }
}

/** Elements that a mask selects. Loads may be of the whole operand: what is not selected is loaded too. */
function matchMasked(
  expected: ExpectedAccess,
  recorded: readonly RecordedAccess[],
  completion: Completion,
  finding: Finding,
): void {
  const { elements, bytes: operandBytes, address } = expected;
  const lowest = recorded.reduce((low, one) => (one.address < low ? one.address : low), 2n ** 64n);
  const taken = new Set<bigint>();
  let left = operandBytes;
  let fitting = 0;
  for (const one of recorded) {
    const isElements = one.bytes % (elements?.bytes ?? 1) === 0 && one.bytes <= left;
    const isInside =
      address === undefined || one.address + BigInt(one.bytes) <= lowest + BigInt(operandBytes);
    const range = Array.from({ length: one.bytes }, (_, i) => one.address + BigInt(i));
    const isNew = address === undefined || !range.some((byte) => taken.has(byte));
    if (!isElements || !isInside || !isNew) {
      finding.extra++;
      continue;
    }
    for (const byte of range) taken.add(byte);
    left -= one.bytes;
    fitting++;
  }
  if (completion === 'completed') {
    finding.expected += fitting;
    addInferred(finding, 'mask', fitting);
  } else {
    addRule(finding, ruleOf(completion), fitting);
  }
}
