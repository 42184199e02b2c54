// SPDX-License-Identifier: Apache-2.0
// Expected failures. A TraceError states facts (what, where, expected, found); the front end adds the
// words around it and chooses the exit code. A UserError is what a front end shows as it is.
// Anything else that is thrown is a bug and keeps its stack.

/** What went wrong with a trace or with a request about one. Closed: a front end switches over it. */
export type TraceErrorKind =
  | 'not-a-trace' // the bytes are something else
  | 'newer-format' // written by a later version with a promise this reader does not know
  | 'truncated' // the file ends inside a section, or before its closing index
  | 'checksum' // a section's bytes are not the bytes that were written
  | 'corrupt' // the checksum holds or is absent, but the content contradicts itself
  | 'count-mismatch' // captured, encoded and written totals differ from what is there
  | 'missing-capability' // the trace was recorded without what was asked for
  | 'limit' // a stated bound (memory, size, number of items) would be exceeded
  | 'io' // the operating system refused
  | 'empty-selection' // nothing of the trace is what was chosen
  | 'bad-argument'; // the request itself makes no sense

export interface TraceErrorFacts {
  readonly file?: string;
  /** Where in the file, in bytes from its start. */
  readonly fileOffset?: number;
  /** Number of the section, from 0. */
  readonly blockIndex?: number;
  readonly expected?: string;
  readonly found?: string;
  /** What would help, as a sentence without a command name; the front end knows its own commands. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

export class TraceError extends Error {
  readonly kind: TraceErrorKind;
  readonly facts: TraceErrorFacts;

  constructor(kind: TraceErrorKind, message: string, facts: TraceErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'TraceError';
    this.kind = kind;
    this.facts = facts;
  }

  /** The same failure with the facts that only an outer layer knows, such as the file's name. */
  withFacts(facts: TraceErrorFacts): TraceError {
    const outer = new TraceError(this.kind, this.message, { ...facts, ...this.facts });
    if (this.stack !== undefined) outer.stack = this.stack;
    return outer;
  }

  /** One line: where, what, expected and found. The remedy is left to the front end. */
  describe(): string {
    const where = describePlace(this.facts);
    const { expected, found } = this.facts;
    const comparison = [
      expected === undefined ? '' : `expected ${expected}`,
      found === undefined ? '' : `found ${found}`,
    ].filter((part) => part !== '');
    const detail = comparison.length === 0 ? '' : ` (${comparison.join(', ')})`;
    return `${where === '' ? '' : `${where}: `}${this.message}${detail}`;
  }
}

function describePlace(facts: TraceErrorFacts): string {
  const parts: string[] = [];
  if (facts.file !== undefined) parts.push(facts.file);
  if (facts.blockIndex !== undefined) parts.push(`section ${facts.blockIndex}`);
  const place = parts.join(': ');
  if (facts.fileOffset === undefined) return place;
  const offset = `at byte 0x${facts.fileOffset.toString(16)}`;
  return place === '' ? offset : `${place} ${offset}`;
}

const SYSTEM_ERRORS: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'no such file'],
  ['ENOTDIR', 'no such file'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'is a folder'],
  ['EEXIST', 'exists'],
  ['ENOSPC', 'no space left on the device'],
  ['EPIPE', 'its reader went away'],
  ['EROFS', 'the file system is read-only'],
]);

/** What the operating system refused, in words that follow the file's name and a colon. */
export function describeSystemError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = 'code' in error ? SYSTEM_ERRORS.get(error.code) : undefined;
  // Node's own words: "EIO: i/o error, read 'FILE'".
  return known ?? /^E[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1] ?? error.message;
}

/** Exit codes are part of the command line's contract. */
export const ExitCode: {
  readonly ok: 0;
  /** The command ran and its answer is "no": a check failed, a difference was found. */
  readonly negative: 1;
  /** The request was wrong: unknown option, missing file name. */
  readonly usage: 2;
  /** The trace file is damaged, cut or not a trace. */
  readonly badTrace: 3;
  /** The machine lacks something or refused: no QEMU, full disk, no permission. */
  readonly environment: 4;
  /** A bug in this program. */
  readonly internal: 70;
  readonly interrupted: 130;
} = {
  ok: 0,
  negative: 1,
  usage: 2,
  badTrace: 3,
  environment: 4,
  internal: 70,
  interrupted: 130,
};

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A failure that is shown as it is, without a stack, and ends the program with its exit code. */
export class UserError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it: a sentence, or a command to run. */
  readonly remedy: string | undefined;

  constructor(exitCode: ExitCode, message: string, remedy?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'UserError';
    this.exitCode = exitCode;
    this.remedy = remedy;
  }
}

const NO_ROOM = /\b(?:ENOSPC|EDQUOT|EFBIG)\b|no space left|file too large|quota exceeded/i;
const READER_GONE = /\bEPIPE\b/;
const NOT_ALLOWED = /\b(?:EACCES|EPERM|EROFS)\b|permission denied|not permitted|read-only/i;

/**
 * A file that cannot be written: UserError 'environment', with what to do about it. `option` is how the command line
 * names the file, `why` what the system said, in other words than Node's.
 */
export function writeFailure(
  file: string,
  cause: unknown,
  option: string,
  why: string = describeSystemError(cause),
): UserError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const remedy = NO_ROOM.test(words)
    ? 'name an output where there is room'
    : NOT_ALLOWED.test(words)
      ? 'name an output in a folder that you may write'
      : READER_GONE.test(words)
        ? 'name an output that takes all of it'
        : 'name another output';
  return new UserError(
    ExitCode.environment,
    `cannot write ${file}: ${why}`,
    `${remedy}: ${option}`,
    cause,
  );
}
