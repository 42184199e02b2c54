// SPDX-License-Identifier: Apache-2.0
// What QEMU logs with -d in_asm,op: blocks of guest instructions and the TCG operations made of each. QEMU 7.2 to
// 11.1: accel/tcg/translator.c, tcg_dump_ops() in tcg/tcg.c. Pure.

export interface TcgOperation {
  /** "qemu_ld_i64", "call". */
  readonly name: string;
  /** As QEMU prints them; the first of a call is the helper's name. */
  readonly operands: readonly string[];
  /** The whole line, without a host address. */
  readonly text: string;
}

export interface TranslatedInstruction {
  /** Linear. */
  readonly address: bigint;
  readonly operations: readonly TcgOperation[];
}

export interface TranslatedBlock {
  readonly instructions: readonly TranslatedInstruction[];
}

const INSTRUCTION = /^(0x[0-9a-f]+):\s+((?:[0-9a-f]{2} )*[0-9a-f]{2})\s*(.*)$/;
const INSTRUCTION_START = /^ ---- [0-9a-f]{8,}/;
const OPERATION = /^ ([a-z]\w*)(?: (.+?))?\s*$/;

/**
 * The blocks in the order of translation. The operations that look for interrupts, before the first instruction, and
 * their way out, behind the last, are left out. What else follows an instruction belongs to it.
 */
export function parseTranslationLog(text: string): TranslatedBlock[] {
  const blocks: TranslatedBlock[] = [];
  let addresses: bigint[] = [];
  let operations: TcgOperation[][] = [];
  let part: 'none' | 'code' | 'operations' | 'way-out' = 'none';
  let interruptLabel: string | undefined;
  const finish = (): void => {
    if (operations.length > 0) {
      blocks.push({
        instructions: operations.map((made, i) => ({
          address: addresses[i] ?? -1n,
          operations: made,
        })),
      });
    }
    addresses = [];
    operations = [];
    interruptLabel = undefined;
  };
  for (const line of text.split('\n')) {
    if (line.startsWith('IN:')) {
      finish();
      part = 'code';
    } else if (line.startsWith('OP:')) {
      part = 'operations';
    } else if (part === 'code') {
      // Long instructions go on in lines that have bytes alone.
      const [, address, , words] = INSTRUCTION.exec(line) ?? [];
      if (address !== undefined && words !== '') addresses.push(BigInt(address));
    } else if (part === 'operations') {
      if (INSTRUCTION_START.test(line)) operations.push([]);
      else {
        const operation = parseOperation(line);
        if (operation === undefined) continue;
        const { name, operands } = operation;
        if (operations.length === 0 && name.startsWith('brcond')) interruptLabel = operands.at(-1);
        if (name === 'set_label' && operands[0] === interruptLabel) part = 'way-out';
        else operations.at(-1)?.push(operation);
      }
    }
  }
  finish();
  return blocks;
}

function parseOperation(line: string): TcgOperation | undefined {
  const [, name, operands] = OPERATION.exec(line) ?? [];
  if (name === undefined) return undefined;
  // Its operand is an address in QEMU's own memory, another one in each run.
  if (name === 'exit_tb') return { name, operands: [], text: name };
  return { name, operands: operands?.split(',') ?? [], text: line.trim() };
}
