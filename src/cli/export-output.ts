// SPDX-License-Identifier: Apache-2.0
// Where an export or a page goes: OUT.partial until it is whole, then OUT. A file, or a folder of files.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import {
  describeSystemError,
  ExitCode,
  partialOf,
  UserError,
  writeFailure,
} from '../base/index.ts';
import { isStandardOutput, requireFreeOutput, requireWritableFolder } from '../capture/index.ts';
import type { ExportPart } from '../export/index.ts';
import type { CliContext } from './command-spec.ts';
import {
  type ByteSink,
  fileSink,
  findOutputStream,
  type OutputStream,
  openOutputStream,
} from './export-stream.ts';
import { requireNoInput } from './input-files.ts';

export interface ExportOutput {
  /** Resolves when the bytes are on their way. Throws UserError 'environment'. */
  write(part: ExportPart): Promise<void>;
  /** The export is whole: it gets its name. Gives the bytes in its files. */
  keep(): Promise<number>;
  /** It comes to nothing. */
  discard(): Promise<void>;
}

/** Compression by the name of the output. */
const COMPRESSORS: Readonly<Record<string, () => Compressor>> = { '.gz': gzip, '.xz': xz };

/** Files and folders of an export that is a folder; nothing else is ever removed. */
const FOLDER_FILE = /^(?:vcpu-\d+\.trace\.gz|_SUCCESS|vcpu=\d+(?:[/\\]part-\d+\.parquet)?)$/;

/** What the command line asks for. */
export interface OutputClaim {
  readonly name: string;
  readonly isFolder: boolean;
  /** How the command line names it: -o OUT. */
  readonly option: string;
  /** What is there may be replaced. */
  readonly force: boolean;
  /** Files that are read for it, which are never replaced. */
  readonly inputs: readonly string[];
}

/** The name that an export gets when it is whole, and the one that it has until then. */
export interface ClaimedOutput {
  readonly partial: string;
  /** Throws UserError 'environment'. */
  publish(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Checks, before anything is read, that OUT and OUT.partial may be made, and makes room: 'usage' when one exists without
 * `force`, is something else or is read, 'environment' when its folder is not there or refuses. A folder is made, a file is not.
 */
export async function claimOutput(claim: OutputClaim): Promise<ClaimedOutput> {
  requireReplaceable(claim);
  const { name, isFolder, option } = claim;
  const target = path.resolve(name);
  const partial = partialOf(target);
  const discard = async (): Promise<void> => rm(partial, { recursive: isFolder, force: true });
  try {
    await discard();
    if (isFolder) await mkdir(partial);
  } catch (error) {
    throw writeFailure(partial, error, option);
  }
  return {
    partial,
    discard,
    publish: async () => {
      try {
        if (isFolder) await rm(target, { recursive: true, force: true });
        await rename(partial, target);
      } catch (error) {
        throw writeFailure(target, error, option);
      }
    },
  };
}

/** Throws as claimOutput does; the reason of an aborted signal while a FIFO has no reader. */
export async function openExportOutput(
  claim: OutputClaim,
  context: Pick<CliContext, 'writeBytes'>,
  signal: AbortSignal,
): Promise<ExportOutput> {
  const stream = claim.isFolder ? undefined : findOutputStream(claim.name);
  if (stream !== undefined) return openStream(claim, stream, context, signal);
  const claimed = await claimOutput(claim);
  const { name, isFolder, option } = claim;
  const { partial } = claimed;
  const target = path.resolve(name);
  const files = new Map<string, OutputFile>();
  const fileOf = async (file: string): Promise<OutputFile> => {
    let found = files.get(file);
    if (found === undefined) {
      const where = isFolder ? path.join(partial, file) : partial;
      const sink = fileSink(await open(where, 'w'));
      found = outputFile(sink, path.extname(isFolder ? file : target));
      files.set(file, found);
    }
    return found;
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> =>
    orWriteFailure(partial, option, work);
  if (!isFolder) await guarded(async () => fileOf(''));
  return {
    write: async ({ file, bytes }) => guarded(async () => (await fileOf(file)).write(bytes)),
    keep: async () =>
      guarded(async () => {
        let total = 0;
        for (const file of files.values()) total += await file.close();
        await claimed.publish();
        return total;
      }),
    discard: async () => {
      for (const file of files.values()) await file.abandon();
      await claimed.discard();
    },
  };
}

/** There is nothing to publish, and nothing to take back. */
async function openStream(
  { name, option }: OutputClaim,
  stream: OutputStream,
  context: Pick<CliContext, 'writeBytes'>,
  signal: AbortSignal,
): Promise<ExportOutput> {
  const what = stream === 'standard output' ? stream : path.resolve(name);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> =>
    orWriteFailure(what, option, work).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  const file = await guarded(async () =>
    outputFile(await openOutputStream(stream, name, context, signal), path.extname(name)),
  );
  return {
    write: async ({ bytes }) => guarded(async () => file.write(bytes)),
    keep: async () => guarded(async () => file.close()),
    discard: async () => file.abandon(),
  };
}

/** Failures of the system as what a user is told. */
async function orWriteFailure<T>(what: string, option: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError || (error instanceof Error && error.name === 'AbortError'))
      throw error;
    throw writeFailure(what, error, option);
  }
}

/** An output for openExportOutput(), which takes streams, too. Throws as requireReplaceable() does. */
export function requireOutput(claim: OutputClaim): void {
  if (claim.isFolder || findOutputStream(claim.name) === undefined) requireReplaceable(claim);
}

/** A file or folder, no stream. Throws UserError as claimOutput does, and touches nothing. */
export function requireReplaceable(claim: OutputClaim): void {
  const { name, isFolder, force, option, inputs } = claim;
  if (isFolder && isStandardOutput(name)) {
    throw new UserError(
      ExitCode.usage,
      `${name} is standard output, and this format is a folder`,
      `name a folder: ${option}`,
    );
  }
  if (!isFolder || name === '') {
    requireNoInput([name, partialOf(name)], inputs, option);
    requireFreeOutput(name, force, option);
    requireFreeOutput(partialOf(name), force, option);
    return;
  }
  const target = path.resolve(name);
  requireWritableFolder(target, option);
  for (const one of [target, partialOf(target)]) requireReplaceableFolder(one, claim);
}

function requireReplaceableFolder(target: string, { force, option, inputs }: OutputClaim): void {
  const facts = lstatSync(target, { throwIfNoEntry: false });
  if (facts === undefined) return;
  const refuse = (what: string, remedy = `name another: ${option}`): never => {
    throw new UserError(ExitCode.usage, `${target} ${what}`, remedy);
  };
  if (!facts.isDirectory()) refuse('exists and is not a folder');
  if (!force) refuse('exists', `replace it with --force, or name another: ${option}`);
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' });
  const foreign = files.find((file) => !FOLDER_FILE.test(file));
  if (foreign !== undefined) refuse(`holds ${foreign}, which no export made: it is not replaced`);
  requireNoInput(
    files.map((file) => path.join(target, file)),
    inputs,
    option,
  );
}

interface OutputFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file's length. */
  close(): Promise<number>;
  abandon(): Promise<void>;
}

function outputFile(sink: ByteSink, extension: string): OutputFile {
  const compressor = COMPRESSORS[extension]?.();
  return compressor === undefined ? plainFile(sink) : compressedFile(sink, compressor);
}

function plainFile(sink: ByteSink): OutputFile {
  let length = 0;
  return {
    write: async (bytes) => {
      await sink.write(bytes);
      length += bytes.length;
    },
    close: async () => {
      await sink.close();
      return length;
    },
    abandon: async () => sink.close(),
  };
}

interface Compressor {
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves when it has ended well. */
  readonly ended: Promise<void>;
  readonly stop: () => void;
}

function compressedFile(sink: ByteSink, compressor: Compressor): OutputFile {
  const { input, output } = compressor;
  let length = 0;
  const pump = async (): Promise<void> => {
    for await (const chunk of output) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('internal: a chunk is not bytes');
      await sink.write(chunk);
      length += chunk.length;
    }
    await compressor.ended;
  };
  const pumped = pump();
  pumped.catch(() => undefined); // whoever writes or closes next is told
  input.on('error', () => undefined); // its other end has the reason
  return {
    write: async (bytes) => {
      if (!input.write(bytes)) await Promise.race([once(input, 'drain'), pumped]);
    },
    close: async () => {
      input.end();
      await pumped;
      await sink.close();
      return length;
    },
    abandon: async () => {
      compressor.stop();
      await pumped.catch(() => undefined);
      await sink.close();
    },
  };
}

/** Level 1: the traces repeat themselves so much that more effort buys little. */
function gzip(): Compressor {
  const stream = createGzip({ level: 1, chunkSize: 1 << 18 });
  return {
    input: stream,
    output: stream,
    ended: Promise.resolve(),
    stop: () => {
      stream.destroy();
    },
  };
}

function xz(): Compressor {
  const child = spawn('xz', ['--stdout', '-1', '--threads=0'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      reject(
        new UserError(
          ExitCode.environment,
          `the program xz does not start: ${describeSystemError(error)}`,
          'apt install xz-utils, or name the output .gz',
          error,
        ),
      );
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new UserError(ExitCode.environment, `xz failed (exit code ${code})`));
    });
  });
  ended.catch(() => undefined);
  return {
    input: child.stdin,
    output: child.stdout,
    ended,
    stop: () => {
      child.kill();
    },
  };
}
