// SPDX-License-Identifier: Apache-2.0
// A command of the command line as data, from which the parser, --help and docs/cli.md are made.

import os from 'node:os';
import { type ExitCode, parseCount, parseSize, TraceError } from '../base/index.ts';
import type { MallocSettings } from './malloc-settings.ts';

export interface OptionSpec {
  /** As commander reads it: "-o, --output <FILE>". */
  readonly flags: string;
  readonly description: string;
  /** May be given several times: findTexts(). */
  readonly repeatable?: boolean;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all words that follow. */
  readonly variadic?: boolean;
}

/** What `loadstore --help` tells of a command. */
export interface CommandEntry {
  /** "record", or "bench record" for a command within a command. */
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly load: () => Promise<CommandSpec>;
}

/** The rest of it, for those who ask for the command. */
export interface CommandSpec {
  /** More than a line, for --help and the manual. */
  readonly details?: string;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** What an exit code means for this command, beyond the common meanings. */
  readonly exitCodes?: readonly string[];
  readonly run: (input: CommandInput, context: CliContext) => Promise<ExitCode>;
}

/** Where a command reads and writes. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv;
  /** Not in env; for a process that is measured as if it were this one. */
  readonly mallocSettings: MallocSettings;
  /** What to type for this program: "loadstore", "./bin/loadstore". */
  readonly program: string;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Resolves when the text is on its way; the pace of the reader is the pace of the command. */
  readonly writeOut: (text: string) => Promise<void>;
  /** The same for bytes. Rejects with what the system says: a reader that goes away is an error here. */
  readonly writeBytes: (bytes: Uint8Array) => Promise<void>;
  readonly writeErr: (text: string) => void;
}

/** The words of a command line, by name. */
export interface CommandInput {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, unknown>;
}

export const JSON_OPTION: OptionSpec = {
  flags: '--json',
  description: 'print the result as JSON',
};

export const AUDIT_MEMORY_OPTION: OptionSpec = {
  flags: '--audit-memory',
  description: 'compare guest RAM with the stores that were seen: who else wrote? Slow',
};

export const QEMU_OPTION: OptionSpec = {
  flags: '--qemu <PATH>',
  description: 'the qemu-system-x86_64 to use; default: LOADSTORE_QEMU, else the best one found',
};

export function findText(input: CommandInput, name: string): string | undefined {
  const value = input.options.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** All values of an option that may be given several times. */
export function findTexts(input: CommandInput, name: string): readonly string[] {
  const value = input.options.get(name);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** For a flag `--no-NAME` the option is NAME, true unless given. */
export function isOn(input: CommandInput, name: string): boolean {
  return input.options.get(name) === true;
}

/** Throws TraceError 'bad-argument' for what is not a number. */
export function findCount(input: CommandInput, name: string, flag: string): number | undefined {
  const text = findText(input, name);
  return text === undefined ? undefined : parseCount(text, flag);
}

/** Throws TraceError 'bad-argument' for what is not a size. */
export function findSize(input: CommandInput, name: string, flag: string): number | undefined {
  const text = findText(input, name);
  return text === undefined ? undefined : parseSize(text, flag);
}

/** Each takes some 50 MB; more than cores are no faster. */
const MOST_THREADS = 64;

/** Threads that --jobs asks for; default: one for each core. Throws TraceError 'bad-argument'. */
export function threadsFrom(input: CommandInput): number {
  const cores = os.availableParallelism();
  const threads = findCount(input, 'jobs', '--jobs') ?? cores;
  const most = Math.max(MOST_THREADS, cores);
  if (threads >= 1 && threads <= most) return threads;
  throw new TraceError('bad-argument', '--jobs is not a possible number of threads', {
    expected: `1 to ${most}; there are ${cores} cores`,
    found: String(threads),
    remedy: 'leave --jobs out for one thread for each core',
  });
}

/** The word at that place; commander has seen to it that required ones are there. */
export function wordAt(input: CommandInput, index: number): string {
  return input.words[index] ?? '';
}

/** The result as JSON or as the text drawn from it. */
export async function printResult<T>(
  context: CliContext,
  input: CommandInput,
  result: T,
  render: (result: T) => string,
): Promise<void> {
  await context.writeOut(
    isOn(input, 'json') ? `${JSON.stringify(result, null, 2)}\n` : render(result),
  );
}
