// SPDX-License-Identifier: Apache-2.0
// The micro-guests as `npm run build` leaves them: image, symbols, source, and the machine that each wants.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ExitCode, requireDefined, UserError } from '../base/index.ts';
import { PROJECT_FOLDER } from '../capture/index.ts';

/** How a guest is run; a `;@ run` line for each, in its source. */
export interface GuestMachine {
  /** '' when the guest is run in one way only. */
  readonly name: string;
  readonly vcpus: number;
  readonly thread: 'single' | 'multi';
  readonly machine: string;
  readonly memoryMib: number;
  /** More properties of `-accel tcg`, or ''. */
  readonly accelerator: string;
  readonly extraArguments: readonly string[];
  /** The QEMUs that can do this, and why others cannot; undefined: all of them. */
  readonly needs: { readonly range: string; readonly why: string } | undefined;
}

/** A line of a guest's source, of its own file or of one that it includes. */
export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Of the instruction or macro in it; undefined when it is not to be found again. */
  readonly label: string | undefined;
}

export interface GuestFile {
  readonly name: string;
  readonly image: string;
  readonly symbols: ReadonlyMap<string, bigint>;
  readonly machines: readonly GuestMachine[];
  /** The guest's own lines, then those that it includes. */
  readonly lines: readonly SourceLine[];
}

const FOLDER = path.join(PROJECT_FOLDER, 'dist', 'guests', 'assembled');
const INCLUDED = /^\s*%include "([\w-]+\.inc)"/;

/** Throws UserError 'environment' when they are not built. */
export function guestNames(): string[] {
  if (!existsSync(FOLDER)) {
    throw new UserError(
      ExitCode.environment,
      'the micro-guests are not assembled: no dist/guests/assembled',
      `npm run build (in ${PROJECT_FOLDER})`,
    );
  }
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.bin'))
    .map((file) => path.parse(file).name)
    .sort();
}

/** Throws UserError 'usage' for a name that is none. */
export function openGuest(name: string): GuestFile {
  const names = guestNames();
  if (!names.includes(name)) {
    throw new UserError(
      ExitCode.usage,
      `there is no guest "${name}"`,
      `one of ${names.join(', ')}`,
    );
  }
  const symbols = readSymbols(name);
  const own = readLines(`${name}.asm`, symbols);
  const included = own.flatMap(({ text }) => {
    const [, file] = INCLUDED.exec(text) ?? [];
    return file === undefined ? [] : readLines(file, symbols);
  });
  return {
    name,
    image: path.join(FOLDER, `${name}.bin`),
    symbols,
    machines: parseMachines(own),
    lines: [...own, ...included],
  };
}

function readSymbols(name: string): Map<string, bigint> {
  const symbols = new Map<string, bigint>();
  for (const line of readFileSync(path.join(FOLDER, `${name}.symbols`), 'utf8').split('\n')) {
    const [symbol, value] = line.split(' ');
    if (symbol !== undefined && value !== undefined) symbols.set(symbol, BigInt(value));
  }
  return symbols;
}

function readLines(file: string, symbols: ReadonlyMap<string, bigint>): SourceLine[] {
  const { name: stem } = path.parse(file);
  return readFileSync(path.join(FOLDER, file), 'utf8')
    .split('\n')
    .map((text, index) => {
      const made = `..@${stem}_${index + 1}`;
      const own = /^\s*(\w[\w.]*):\s*[^\s;]/.exec(text)?.[1];
      const label = symbols.has(made) ? made : own;
      const isKnown = label !== undefined && symbols.has(label);
      return { file, number: index + 1, text, label: isKnown ? label : undefined };
    });
}

const DEFAULT_MACHINE: GuestMachine = {
  name: '',
  vcpus: 1,
  thread: 'single',
  machine: 'pc',
  memoryMib: 64,
  accelerator: '',
  extraArguments: [],
  needs: undefined,
};

/** Of lines such as `;@ run multi smp=2 thread=multi needs=">=10: why"`. */
function parseMachines(lines: readonly SourceLine[]): GuestMachine[] {
  const machines = lines.flatMap((line) => {
    const [, text] = /^;@ run\s*(.*)$/.exec(line.text) ?? [];
    return text === undefined ? [] : [parseMachine(text, line)];
  });
  return machines.length === 0 ? [DEFAULT_MACHINE] : machines;
}

function parseMachine(text: string, line: SourceLine): GuestMachine {
  const settings = new Map<string, string>();
  let name = '';
  for (const [, word, key, quoted, plain] of text.matchAll(
    /(?:^|\s)(?:([\w-]+)(?=\s|$)|(\w+)=(?:"([^"]*)"|(\S+)))/g,
  )) {
    if (word !== undefined) name = word;
    else if (key !== undefined) settings.set(key, quoted ?? plain ?? '');
  }
  const take = (key: string, otherwise: string): string => {
    const value = settings.get(key) ?? otherwise;
    settings.delete(key);
    return value;
  };
  const [, range = '', why = ''] = /^([^:]*): *(.*)$/.exec(take('needs', '')) ?? [];
  const thread = take('thread', 'single');
  const machine: GuestMachine = {
    name,
    vcpus: Number(take('smp', '1')),
    thread: thread === 'multi' ? 'multi' : 'single',
    machine: take('machine', DEFAULT_MACHINE.machine),
    memoryMib: Number(take('memory', String(DEFAULT_MACHINE.memoryMib))),
    accelerator: take('accelerator', ''),
    extraArguments: take('arguments', '')
      .split(' ')
      .filter((word) => word !== ''),
    needs: range === '' ? undefined : { range, why },
  };
  const [unknown] = settings.keys();
  if (unknown !== undefined || !['single', 'multi'].includes(thread)) {
    const what = unknown ?? `thread=${thread}`;
    throw new Error(`${line.file}:${line.number}: "${what}" is no setting of a run`);
  }
  return machine;
}

/** The line of a guest's source that an address is in or behind: "plain.asm:42"; undefined: none. */
export function findPlaceOf(guest: GuestFile, address: bigint): string | undefined {
  let best: { readonly at: bigint; readonly line: SourceLine } | undefined;
  for (const line of guest.lines) {
    if (line.label === undefined) continue;
    const at = requireDefined(guest.symbols.get(line.label), 'labels are symbols');
    if (at <= address && at >= (best?.at ?? 0n)) best = { at, line };
  }
  return best === undefined ? undefined : `${best.line.file}:${best.line.number}`;
}
