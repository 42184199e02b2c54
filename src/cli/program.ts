// SPDX-License-Identifier: Apache-2.0
// The parser, made from the command table; and the one place where a failure becomes a message and an exit
// code.

import { Command, CommanderError, InvalidArgumentError } from 'commander';
import {
  assertNever,
  describeSystemError,
  ExitCode,
  TraceError,
  type TraceErrorKind,
  UserError,
} from '../base/index.ts';
import type { CliContext, CommandEntry, CommandSpec } from './command-spec.ts';
import { COMMANDS, PROGRAM_SUMMARY } from './command-table.ts';
import { asTyped } from './program-name.ts';

/** Runs one command line (without node and script) and gives its exit code. Bugs are thrown. */
export async function runCli(words: readonly string[], context: CliContext): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const specs = await loadCommands(words);
  const program = buildProgram(specs, context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      const hint = findHint(error, words);
      if (hint !== undefined) context.writeErr(`Try: ${asTyped(hint, context.program)}\n`);
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    }
    const failure = describeFailure(error);
    if (failure === undefined) throw error;
    context.writeErr(`loadstore: ${failure.message}\n`);
    if (failure.remedy !== undefined) {
      context.writeErr(`Try: ${asTyped(failure.remedy, context.program)}\n`);
    }
    return failure.exitCode;
  }
}

function buildProgram(
  specs: CommandSpecs,
  context: CliContext,
  setExitCode: (code: ExitCode) => void,
): Command {
  const program = new Command('loadstore')
    .description(PROGRAM_SUMMARY)
    .version('0.1.0', '-V, --version')
    .exitOverride()
    // Commander would leave out [options] of commands that are not loaded.
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .showHelpAfterError('(loadstore COMMAND --help tells more)')
    .configureOutput({
      // Commander's own messages are short, and nothing follows them.
      writeOut: (text) => void context.writeOut(text),
      writeErr: context.writeErr,
    });
  const groups = new Map<string, Command>();
  for (const entry of COMMANDS) {
    const [first = '', second] = entry.name.split(' ');
    let parent = program;
    if (second !== undefined) {
      parent =
        groups.get(first) ?? program.command(first).description(GROUP_SUMMARIES[first] ?? '');
      parent.copyInheritedSettings(program);
      groups.set(first, parent);
    }
    const command = parent.command(second ?? first).copyInheritedSettings(program);
    introduceCommand(command, entry);
    const spec = specs.get(entry);
    if (spec === undefined) continue;
    configureCommand(command, entry, spec);
    command.action(async () => {
      const options = new Map<string, unknown>(Object.entries(command.opts()));
      setExitCode(await spec.run({ words: command.args, options }, context));
    });
  }
  return program;
}

/** Of the commands whose names are among the words; the one that is asked for is one of them. */
async function loadCommands(words: readonly string[]): Promise<CommandSpecs> {
  const named = COMMANDS.filter(({ name }) =>
    name.split(' ').every((part) => words.includes(part)),
  );
  return new Map(
    await Promise.all(named.map(async (entry) => [entry, await entry.load()] as const)),
  );
}

type CommandSpecs = ReadonlyMap<CommandEntry, CommandSpec>;

const GROUP_SUMMARIES: Readonly<Record<string, string>> = {
  bench: 'figures of recording and decoding on this machine',
};

function introduceCommand(command: Command, entry: CommandEntry): void {
  command.summary(entry.summary);
  for (const argument of entry.arguments) {
    const name = argument.variadic === true ? `${argument.name}...` : argument.name;
    command.argument(argument.required ? `<${name}>` : `[${name}]`, argument.description);
  }
}

function configureCommand(
  command: Command,
  { summary }: Pick<CommandEntry, 'summary'>,
  spec: CommandSpec,
): void {
  command.description(
    spec.details === undefined
      ? summary
      : // Commander fills lines to the terminal's width.
        `${summary}\n\n${spec.details.replaceAll('\n', ' ')}`,
  );
  for (const { flags, description, repeatable = false } of spec.options) {
    if (repeatable) command.option(flags, description, collect, []);
    else if (/[<[]/.test(flags)) command.option(flags, description, takeOnce);
    else command.option(flags, description);
  }
  const exitCodes =
    spec.exitCodes === undefined ? '' : `\nExit codes:\n  ${spec.exitCodes.join('\n  ')}\n`;
  command.addHelpText('after', `${exitCodes}\nExamples:\n  ${spec.examples.join('\n  ')}`);
}

function takeOnce(word: string, before: string | undefined): string {
  if (before === undefined) return word;
  throw new InvalidArgumentError(`It is given twice, first as '${before}': one can count.`);
}

function collect(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}

/** What probably was meant by words that the parser refused. */
function findHint(error: CommanderError, words: readonly string[]): string | undefined {
  if (error.code === 'commander.excessArguments' && words[0] === 'explain') {
    return "the instruction in quotes: loadstore explain 'mov eax, [rdi]'";
  }
  const isRefused = ['commander.unknownOption', 'commander.missingArgument'].includes(error.code);
  if (!isRefused || words[0] !== 'record' || words.includes('--')) return undefined;
  return 'the arguments of QEMU follow "--": loadstore record [options] -- -m 1G ...';
}

interface Failure {
  readonly message: string;
  readonly remedy: string | undefined;
  readonly exitCode: ExitCode;
}

/** Undefined for what is not an expected failure. */
export function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof UserError) {
    return { message: error.message, remedy: error.remedy, exitCode: error.exitCode };
  }
  if (error instanceof TraceError) {
    return {
      message: error.describe(),
      remedy: error.facts.remedy ?? remedyOf(error.kind, error.facts.file ?? 'FILE'),
      exitCode: exitCodeOf(error.kind),
    };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { message: 'interrupted', remedy: undefined, exitCode: ExitCode.interrupted };
  }
  if (error instanceof Error && 'syscall' in error) {
    const place = 'path' in error ? error.path : error.syscall;
    const message = `${String(place)}: ${describeSystemError(error)}`;
    return { message, remedy: undefined, exitCode: ExitCode.environment };
  }
  return undefined;
}

function exitCodeOf(kind: TraceErrorKind): ExitCode {
  switch (kind) {
    case 'bad-argument':
    case 'empty-selection':
      return ExitCode.usage;
    case 'io':
    case 'limit':
      return ExitCode.environment;
    case 'not-a-trace':
    case 'newer-format':
    case 'truncated':
    case 'checksum':
    case 'corrupt':
    case 'count-mismatch':
    case 'missing-capability':
      return ExitCode.badTrace;
    default:
      return assertNever(kind);
  }
}

function remedyOf(kind: TraceErrorKind, file: string): string | undefined {
  switch (kind) {
    case 'truncated':
    case 'checksum':
    case 'corrupt':
    case 'count-mismatch':
      return `loadstore check ${file} tells what is good; --repair OUT keeps that`;
    case 'newer-format':
      return 'a newer loadstore';
    case 'not-a-trace':
      return 'a file that "loadstore record" made';
    case 'missing-capability':
      return `record again with a QEMU that tells it, as "loadstore doctor" lists; "loadstore info ${file}" says what this trace holds`;
    case 'io':
      return 'the name of a file that is there, is no folder and may be read';
    case 'limit':
    case 'bad-argument':
    case 'empty-selection':
      return undefined;
    default:
      return assertNever(kind);
  }
}
