// SPDX-License-Identifier: Apache-2.0
// Runs one instruction in a micro-guest, once to see what QEMU makes of it and once recorded, and compares.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';
import { isAtLeast, type QemuProgram, scratchParent } from '../capture/index.ts';
import type { PortNote } from '../format/index.ts';
import { type Access, openGuest } from '../guests/index.ts';
import {
  decodeInstruction,
  formatInstruction,
  neededFeatures,
  registerName,
  usualMode,
} from '../isa/index.ts';
import { assembleText, formatDigits } from './assemble.ts';
import { lackingFeatures } from './cpu-features.ts';
import { type ExpectedAccess, expectAccesses } from './expected.ts';
import { codeAddress, type Fate, patchImage, placesOf } from './guest-image.ts';
import { type GuestTask, runPlain, runRecorded } from './guest-runs.ts';
import {
  type CodeBits,
  fullName,
  isNullTask,
  type MachineState,
  presetState,
} from './machine-state.ts';
import { operandFault } from './manual-faults.ts';
import { findMemoryPath } from './memory-paths.ts';
import {
  type ExplainResult,
  LISTED_OCCURRENCES,
  type OperationResult,
  type RecordedResult,
} from './results.ts';
import type { TcgOperation } from './translation-log.ts';
import { findVector, isSameVector } from './vector-state.ts';
import { isReconstructed, judge, type Verdict } from './verdict.ts';

export interface ExplainRequest {
  /** One instruction: what nasm assembles, or its bytes. */
  readonly instruction: { readonly text: string } | { readonly bytes: Uint8Array };
  readonly mode: CodeBits;
  /** "rdi=0x1f0000" */
  readonly settings: readonly string[];
  /** Two vCPUs that run at the same time: blocks are translated for that. */
  readonly parallel: boolean;
  readonly qemu: QemuProgram;
  readonly pluginFile: string;
  readonly signal?: AbortSignal;
}

/** Throws UserError for what cannot be assembled, set or run, and what stopped it when the signal did. */
export async function explainInstruction(request: ExplainRequest): Promise<ExplainResult> {
  const { mode, qemu, parallel, signal } = request;
  const guest = openGuest(`explain${mode}`);
  const places = placesOf(guest);
  const ip = codeAddress(guest);
  const bytes =
    'bytes' in request.instruction
      ? request.instruction.bytes
      : await assembleText(request.instruction.text, mode, ip, signal);
  const cpuMode = usualMode(mode);
  const decoded = decodeInstruction(bytes, cpuMode);
  requireOne(bytes, decoded.length, mode);
  const state = presetState(mode, decoded, request.settings);
  const expected = expectAccesses(decoded, state, places.instruction + BigInt(bytes.length));

  const folder = await mkdtemp(path.join(scratchParent(), 'loadstore-explain-'));
  try {
    const image = path.join(folder, 'guest.bin');
    await writeFile(image, patchImage(guest, bytes, state));
    const task: GuestTask = {
      ...{ places, qemu, parallel, folder, signal },
      guest: { ...guest, image },
      bits: mode,
      instructionBytes: bytes.length,
    };
    const [{ fate, report, translations }, recorded] = await bothOf(
      runPlain(task),
      runRecorded(task, request.pluginFile),
    );
    const lacking = lackingFeatures(report, mode, neededFeatures(bytes, cpuMode));
    const isBefore10 = !isAtLeast(qemu.version, 10);
    const [ops, ...retranslations] = translations.map(({ operations }) =>
      operations.map((operation) => operationResult(operation, isBefore10)),
    );
    const { mnemonic } = decoded;
    const verdict =
      'refused' in recorded
        ? notRecorded(recorded.refused)
        : judge({
            ...{ mnemonic, fate, expected, recorded, lacking, hasEvents: !parallel },
            manualFault: operandFault(expected, state),
            isNullTask: isNullTask(state, formatInstruction(bytes, cpuMode, ip)),
          });
    const { accesses, ports, cuts } =
      'refused' in recorded ? { accesses: [], ports: [], cuts: [] } : recorded;
    return {
      instruction: {
        bytes: formatDigits(bytes),
        disassembly: formatInstruction(bytes, cpuMode, ip),
        mnemonic,
        mode,
        address: hex(places.instruction),
      },
      qemu: {
        path: qemu.path,
        version: qemu.version.text,
        thread: parallel ? 'multi' : 'single',
      },
      preset: presetResult(state, expected, formatInstruction(bytes, cpuMode, ip)),
      ops: ops ?? [],
      retranslations,
      architectural: expected.map(expectedResult),
      accesses: accesses.map(recordedResult),
      ports: ports.map(portResult),
      cuts,
      outcome: outcomeResult(fate, verdict.manualVector),
      verdict: verdict.verdict,
      reason: verdict.reason,
      remarks: [...verdict.remarks, ...unaccounted(ops ?? [], accesses)],
      isDifferent: verdict.isDifferent,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function notRecorded(reason: string): Verdict {
  return { verdict: 'not-recorded', reason, remarks: [], isDifferent: false };
}

/** Throws what the first of them threw, when both have ended. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

function requireOne(bytes: Uint8Array, decodedBytes: number, mode: CodeBits): void {
  const { length } = bytes;
  if (length === decodedBytes && length > 0) return;
  const digits = formatDigits(bytes);
  const what =
    decodedBytes < length
      ? `the first instruction of ${digits} has ${decodedBytes} of its ${length} bytes`
      : `${digits} is not a whole instruction`;
  throw new UserError(
    ExitCode.usage,
    `${what} in ${mode}-bit code`,
    'exactly one instruction; --mode 16, 32 or 64 decides how bytes are read',
  );
}

/** Accesses that no operation accounts for: a helper of this QEMU does what the table of helpers does not know. */
function unaccounted(ops: readonly OperationResult[], accesses: readonly Access[]): string[] {
  const isSeen = accesses.some(({ origin }) => origin === 'instruction');
  if (!isSeen || ops.length === 0 || ops.some(({ memory }) => memory !== null)) return [];
  return [
    'no operation above accounts for these accesses: a helper does more than is known of it here',
  ];
}

function presetResult(
  state: MachineState,
  expected: readonly ExpectedAccess[],
  disassembly: string,
): ExplainResult['preset'] {
  // An address that does not follow from the code alone has registers in brackets all the same: a gather's.
  const named = /\[(.*)\]/.exec(disassembly)?.[1]?.match(/[a-z]\w*/g) ?? [];
  const used = new Set([
    ...expected.flatMap(({ access: { address } }) => [address?.base, address?.index]),
    ...named.map((name) => fullName(name)),
  ]);
  const registers = state.registers.map((register) => ({
    ...register,
    shown: registerName(register.name, state.bits),
  }));
  const others = [state.flags, state.memory].map((one) => ({ ...one, shown: one.name }));
  return [
    ...[...registers, ...others].map(({ name, shown, value, why }) => ({
      name: shown,
      value: hex(value),
      why,
      matters: why !== '' || used.has(name),
      elementBytes: null,
    })),
    ...vectorResult(state, expected),
  ];
}

/** Those that select elements and find them, as the instruction names them, before all others. */
function vectorResult(
  { vectors }: MachineState,
  expected: readonly ExpectedAccess[],
): ExplainResult['preset'] {
  const elementBytes = new Map<string, number>();
  for (const { elements } of expected.map(({ access }) => access)) {
    const index = elements?.index;
    if (index?.from.index !== undefined) elementBytes.set(index.from.index, index.bytes);
    if (elements?.mask !== undefined) elementBytes.set(elements.mask, elements.bytes);
  }
  const mattering = [...elementBytes].flatMap(([name, bytes]) => {
    const found = findVector(vectors, name);
    if (found === undefined) return [];
    const { why, digits } = found;
    return [{ name, value: `0x${digits}`, why, matters: true, elementBytes: bytes }];
  });
  const others = vectors
    .filter(({ name }) => !mattering.some((one) => isSameVector(one.name, name)))
    .map(({ name, value, why }) => ({
      ...{ name, value: hex(value), why, elementBytes: null },
      matters: why !== '',
    }));
  return [...mattering, ...others];
}

function operationResult(operation: TcgOperation, isBefore10: boolean): OperationResult {
  return { text: operation.text, memory: findMemoryPath(operation, isBefore10) ?? null };
}

function expectedResult(one: ExpectedAccess): ExplainResult['architectural'][number] {
  const { direction, bytes, kind, occurrence, condition } = one.access;
  return {
    ...{ direction, bytes, kind, occurrence, condition },
    expression: one.expression,
    address: one.address === undefined ? null : hex(one.address),
    addresses: Array.from({ length: Math.min(one.count, LISTED_OCCURRENCES) }, (_, at) =>
      one.addressAt(at),
    ).flatMap((address) => (address === undefined ? [] : [hex(address)])),
    count: one.count,
    step: Number(one.step),
    elements: elementsResult(one),
  };
}

function elementsResult({
  access: { elements },
  selected,
}: ExpectedAccess): ExplainResult['architectural'][number]['elements'] {
  if (elements?.mask === undefined || selected === undefined) return null;
  const { mask, bytes, count } = elements;
  return {
    ...{ mask, bytes, count },
    selected: selected.map(({ element, address }) => ({ element, address: hex(address) })),
  };
}

const ORIGINS = {
  instruction: 'instruction',
  eventDelivery: 'event-delivery',
  pageWalk: 'page-walk',
} as const;

const UNKNOWN = 2n ** 64n - 1n;

function recordedResult(access: Access): RecordedResult {
  return {
    direction: access.store ? 'store' : 'load',
    bytes: access.size,
    address: hex(access.vaddr),
    paddr: access.paddr === UNKNOWN ? null : hex(access.paddr),
    origin: ORIGINS[access.origin],
    evidence: isReconstructed(access) ? 'reconstructed' : 'observed',
    aborted: access.aborted,
    device: access.device,
  };
}

function portResult({ out, port, size, value }: PortNote): ExplainResult['ports'][number] {
  return {
    direction: out ? 'out' : 'in',
    port: port === undefined ? null : hex(BigInt(port)),
    bytes: size,
    value: value === undefined ? null : hex(BigInt(value)),
  };
}

function outcomeResult(fate: Fate, manualVector: number | undefined): ExplainResult['outcome'] {
  return {
    kind: fate.kind,
    vector: 'vector' in fate ? fate.vector : null,
    manualVector: manualVector ?? null,
    errorCode:
      'errorCode' in fate && fate.errorCode !== undefined ? hex(BigInt(fate.errorCode)) : null,
    target: 'target' in fate ? hex(fate.target) : null,
  };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
