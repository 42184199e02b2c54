// SPDX-License-Identifier: Apache-2.0
import { formatQuantity } from '../../base/index.ts';
import {
  type ExplainResult,
  LISTED_OCCURRENCES,
  type OperationResult,
  type RecordedResult,
} from '../../explain/index.ts';
import { drawTable, fillText } from './table.ts';

const WIDTH = 100;

/** `brief` leaves out the operations that do not get at memory. */
export function renderExplain(result: ExplainResult, brief = false): string {
  return [
    renderHead(result),
    renderOperations(result, brief),
    renderSides(result),
    renderVerdict(result),
  ].join('\n');
}

function renderHead({ instruction, qemu, preset }: ExplainResult): string {
  const bytes = instruction.bytes.replaceAll(/..(?=.)/g, '$& ');
  const where = `${instruction.mode}-bit code at ${instruction.address}`;
  const thread =
    qemu.thread === 'single'
      ? 'one vCPU, thread=single'
      : 'two vCPUs, thread=multi: translated for parallel execution';
  const values = preset
    .filter(({ matters }) => matters)
    .map(
      ({ name, value, why, elementBytes }) =>
        `${name} ${formatValue(value, elementBytes)}${why === '' ? '' : ` (${why})`}`,
    );
  const valueLines =
    values.length === 0 ? [] : fillText(values.join(', '), WIDTH - 13, '').split('\n');
  return drawTable(
    [
      ['instruction', instruction.disassembly],
      ['bytes', `${bytes}, ${where}`],
      ['QEMU', `${qemu.version}, ${thread}`],
      ...valueLines.map((line, i) => [i === 0 ? 'before' : '', line]),
    ],
    [],
  );
}

/** A vector register is told by its elements, as --set takes them. */
function formatValue(value: string, elementBytes: number | null): string {
  if (/^0xf{17,}$/.test(value)) return 'all ones';
  if (elementBytes === null) return value;
  const digits = value.slice(2);
  const width = 2 * elementBytes;
  return Array.from({ length: digits.length / width }, (_, at) => {
    const element = BigInt(`0x${digits.slice(at * width, (at + 1) * width)}`);
    return element < 10n ? `${element}` : `0x${element.toString(16)}`;
  })
    .toReversed()
    .join();
}

function renderOperations({ ops, retranslations }: ExplainResult, brief: boolean): string {
  if (ops.length === 0) return 'QEMU translated no block that begins with it.\n';
  const again = retranslations.filter((later) => !isSameWay(later, ops));
  return [
    drawOperations('TCG operations of QEMU', ops, brief),
    ...again.map((later) => drawOperations('In a block of its own', later, brief)),
  ].join('');
}

function drawOperations(title: string, ops: readonly OperationResult[], brief: boolean): string {
  const reaching = ops.filter(({ memory }) => memory !== null);
  const head =
    reaching.length === 0
      ? `; none of ${ops.length} gets at memory`
      : brief
        ? `; ${reaching.length} of ${ops.length} get at memory, or may`
        : '; > gets at memory, or may';
  const shown = brief ? reaching : ops;
  const lines = shown.flatMap((op) => (op.memory === null ? [`    ${op.text}`] : memoryLines(op)));
  const end = lines.length === 0 ? '.' : ':';
  return [`${title}${head}${end}`, ...lines].map((line) => `${line}\n`).join('');
}

function isSameWay(some: readonly OperationResult[], others: readonly OperationResult[]): boolean {
  const waysOf = (ops: readonly OperationResult[]): string =>
    ops.map(({ memory }) => `${memory?.way} ${memory?.direction}`).join();
  return waysOf(some.filter(hasMemory)) === waysOf(others.filter(hasMemory));
}

function hasMemory({ memory }: OperationResult): boolean {
  return memory !== null;
}

function memoryLines({ text, memory }: OperationResult): string[] {
  if (memory === null) return [];
  const size = memory.bytes === 0 ? '' : ` ${memory.bytes}`;
  const what = memory.direction === '' ? '' : `${memory.direction}${size}, `;
  const told = `${what}${memory.way}: ${memory.how} [${memory.source}]`;
  return [`  > ${text}`, `        ${fillText(told, WIDTH - 8, '        ')}`];
}

/** What the manual prescribes beside what the trace has. */
function renderSides(result: ExplainResult): string {
  const left = [
    ...listIterations(result).flatMap(describeArchitectural),
    ...describeDelivery(result.outcome),
  ];
  // A trace tells ports behind the accesses of their instruction.
  const place = result.accesses.length === 0 ? '' : ' (when, among these, is not told)';
  const right = [
    ...groupAccesses(result.accesses).map(describeGroup),
    ...result.ports.map(
      ({ direction, bytes, port, value }) =>
        `${direction} ${bytes}, port ${port ?? 'unknown'}${value === null ? '' : `, value ${value}`}${place}`,
    ),
  ];
  const rows = Array.from({ length: Math.max(left.length, right.length, 1) }, (_, i) => [
    left[i] ?? (i === 0 ? 'no memory access' : ''),
    right[i] ?? (i === 0 ? emptyWord(result) : ''),
  ]);
  const redone = result.cuts.flatMap((cause) => {
    const why = describeCut(cause, result.qemu.thread);
    return why === undefined ? [] : [`${fillText(why, WIDTH, '  ')}\n`];
  });
  return `${drawTable([['the manual prescribes', 'the trace has'], ...rows], [])}${redone.join('')}`;
}

/** Why QEMU did it again, by the cause for which the recorded block was left. */
function describeCut(cause: string, thread: 'single' | 'multi'): string | undefined {
  switch (cause) {
    case 'device':
      return 'It went to a device: QEMU left the block and did the instruction in a block of its own.';
    case 'modified-code':
      return thread === 'multi'
        ? 'It could not be atomic: QEMU left the block and did the instruction while no other vCPU ran.'
        : 'It wrote to its own block: QEMU left that and did the instruction in a block of its own.';
    default:
      return undefined;
  }
}

function emptyWord({ verdict }: ExplainResult): string {
  return verdict === 'not-recorded' ? 'not recorded' : 'nothing';
}

/** What the manual has besides, in the words of its chapter on interrupts. */
function describeDelivery({ kind, vector, manualVector }: ExplainResult['outcome']): string[] {
  if (kind === 'faulted' || manualVector !== null)
    return [`(it faults) delivery of exception ${manualVector ?? vector}: tables, stack frame`];
  return kind === 'interrupt' ? [`delivery of interrupt ${vector}: tables, stack frame`] : [];
}

/** Iterations one behind the other, as they are made, when they are few. */
function listIterations({ architectural, instruction }: ExplainResult): PrescribedRow[] {
  const repeated = architectural.filter(({ occurrence }) => occurrence === 'per-iteration');
  const count = repeated[0]?.count ?? 0;
  const isFew = count > 0 && count * repeated.length <= LISTED_OCCURRENCES;
  if (!isFew) return [...architectural];
  const most = /^repn?e /.test(instruction.mnemonic) ? `up to ${count}` : `${count}`;
  const iterations = Array.from({ length: count }, (_, i) =>
    repeated.map((access) => ({
      ...access,
      address: access.addresses[i] ?? null,
      iteration: `${i + 1} of ${most}`,
    })),
  ).flat();
  const first = architectural.findIndex(({ occurrence }) => occurrence === 'per-iteration');
  return architectural.flatMap((access, i) => {
    if (i === first) return iterations;
    return access.occurrence === 'per-iteration' ? [] : [access];
  });
}

type PrescribedRow = ExplainResult['architectural'][number] & { readonly iteration?: string };

function describeArchitectural(access: PrescribedRow): string[] {
  const { direction, bytes, kind, occurrence, expression, address, count, elements, iteration } =
    access;
  if (elements !== null) return describeElements(access, elements);
  const place = expression === '' ? ` ${kind}` : ` ${expression}`;
  const at = address === null ? '' : ` = ${address}`;
  const often = iteration === undefined ? howOften(occurrence, count) : `, iteration ${iteration}`;
  const special = kind === 'state-area' || kind === 'masked' ? ` (${kind})` : '';
  return [`${direction}${bytes === 0 ? '' : ` ${bytes}`}${place}${at}${special}${often}`];
}

function howOften(occurrence: string, count: number): string {
  switch (occurrence) {
    case 'per-iteration':
      return count === 0 ? ', no iteration' : `, up to ${count} times`;
    case 'conditional':
      return ', conditional';
    default:
      return '';
  }
}

function describeElements(
  { direction, expression }: ExplainResult['architectural'][number],
  { mask, bytes, count, selected }: NonNullable<ExplainResult['architectural'][number]['elements']>,
): string[] {
  const access = `${direction} ${bytes} ${expression}`;
  if (selected.length === 0 || selected.length > GROUPED_FROM) {
    return [`${access}: ${selected.length} of ${count} elements, by ${mask}`];
  }
  return selected.map(({ element, address }) => `${access}, element ${element} = ${address}`);
}

interface AccessGroup {
  readonly first: RecordedResult;
  readonly count: number;
  readonly bytes: number;
  /** Behind the last byte. */
  readonly lowest: bigint;
  readonly end: bigint;
}

const GROUPED_FROM = 12;

/** Long lists of one direction and origin are drawn together. */
function groupAccesses(accesses: readonly RecordedResult[]): AccessGroup[] {
  const groups: AccessGroup[] = [];
  for (const access of accesses) {
    const begin = BigInt(access.address);
    const end = begin + BigInt(access.bytes);
    const last = groups.at(-1);
    const isAlike =
      accesses.length > GROUPED_FROM &&
      last !== undefined &&
      last.first.direction === access.direction &&
      last.first.origin === access.origin &&
      last.first.aborted === access.aborted &&
      last.first.device === access.device;
    if (isAlike) {
      groups[groups.length - 1] = {
        first: last.first,
        count: last.count + 1,
        bytes: last.bytes + access.bytes,
        lowest: begin < last.lowest ? begin : last.lowest,
        end: end > last.end ? end : last.end,
      };
    } else {
      groups.push({ first: access, count: 1, bytes: access.bytes, lowest: begin, end });
    }
  }
  return groups;
}

function describeGroup({ first, count, bytes, lowest, end }: AccessGroup): string {
  const size =
    count === 1
      ? `${first.bytes}`
      : `${formatQuantity(count, 'access', 'accesses')}, ${bytes} bytes`;
  const place =
    count === 1 ? first.address : `in 0x${lowest.toString(16)}..0x${(end - 1n).toString(16)}`;
  const marks = [
    first.evidence,
    ...(first.origin === 'instruction' ? [] : [first.origin]),
    ...(first.device ? ['device'] : []),
    ...(first.aborted ? ['aborted'] : []),
  ];
  return `${first.direction} ${size} ${place} ${marks.join(', ')}`;
}

function renderVerdict(result: ExplainResult): string {
  const { verdict, reason, remarks } = result;
  const lines = [`verdict: ${verdict}: ${reason}`, ...remarks.map((remark) => `note: ${remark}`)];
  return lines.map((line) => `${fillText(line, WIDTH, '  ')}\n`).join('');
}
