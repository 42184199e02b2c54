// SPDX-License-Identifier: Apache-2.0
// Symbols for a trace: the files named with --symbols, and those of the demo guest when it is what ran.

import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  assertNever,
  describeSystemError,
  formatBytes,
  formatCount,
  formatQuantity,
  TraceError,
} from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { DEMO_INITRAMFS, findKnownSymbols } from '../guests/index.ts';
import {
  decodeSymbolFile,
  type GuestSymbols,
  type NamedSource,
  parseSymbolArgument,
  placeSymbols,
  type SourceFinding,
  type SymbolPlacement,
  type SymbolSource,
} from '../symbols/index.ts';
import { type CliContext, type CommandInput, findTexts, type OptionSpec } from './command-spec.ts';
import { cacheFolder } from './qemu-search.ts';

export const SYMBOLS_OPTION: OptionSpec = {
  flags: '--symbols <FILE>',
  description:
    'kallsyms, System.map, vmlinux, a kernel module or a program; FILE@ADDRESS: where it was loaded; repeatable',
  repeatable: true,
};

/**
 * Without any file the result names nothing. What was found out about files that were named is told on stderr.
 * Throws TraceError for files that are not symbols or not those of what ran, and what the file system says.
 */
export async function readGuestSymbols(
  input: CommandInput,
  context: CliContext,
  trace: Trace,
): Promise<GuestSymbols> {
  const named: NamedSource[] = [];
  for (const text of findTexts(input, 'symbols')) {
    const { file, placement } = parseSymbolArgument(text);
    named.push(await readSource(file, placement));
  }
  const known: NamedSource[] = [];
  for (const file of await findKnownSymbols(cacheFolder(context), trace.header.recorder.images)) {
    const one = await readSource(file, {});
    if (!named.some(({ source }) => isInsteadOf(source, one.source))) known.push(one);
  }
  if (![...named, ...known].some(({ source }) => source.kind === 'kernel')) {
    noteMissingKernel(context, trace);
  }
  const symbols = placeSymbols(trace.code, named, known);
  for (const [index, { file }] of named.entries()) {
    const finding = symbols.findings[index];
    if (finding !== undefined)
      context.writeErr(`loadstore: ${file}: ${describeFinding(finding)}\n`);
  }
  return symbols;
}

/** A trace of the demo, whose kernel's symbols are usually here. */
function noteMissingKernel(context: CliContext, trace: Trace): void {
  if (!trace.header.recorder.images.some((image) => image.path.endsWith(DEMO_INITRAMFS))) return;
  context.writeErr(
    `loadstore: note: no names: the kernel of this demo is not in ${cacheFolder(context)}; set LOADSTORE_CACHE to the cache folder it was recorded with, or name a kallsyms text with --symbols\n`,
  );
}

/** There is one kernel; a program is the one of its name. */
function isInsteadOf(named: SymbolSource, known: SymbolSource): boolean {
  if (named.kind === 'program' && known.kind === 'program') return named.name === known.name;
  return named.kind === 'kernel' && known.kind === 'kernel';
}

/** What Node.js reads in one go. A kernel with all its debugging information has 0.6 GB. */
const FILE_LIMIT_BYTES = 2 ** 31 - 1;

const SYMBOLS_REMEDY =
  '--symbols FILE, with the System.map, vmlinux or kallsyms of the kernel that ran, or a program that ran';

/** Throws TraceError with the file's name: 'io' for what the file system refuses. */
export async function readSource(file: string, placement: SymbolPlacement): Promise<NamedSource> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) throw new TraceError('bad-argument', 'it is not a regular file');
    if (facts.size > FILE_LIMIT_BYTES) {
      throw new TraceError('limit', 'it is larger than what is read', {
        expected: `at most ${formatBytes(FILE_LIMIT_BYTES)}`,
        found: formatBytes(facts.size),
        remedy: `strip --strip-debug -o SMALLER ${file}`,
      });
    }
    const bytes = await readFile(file);
    return { file, source: decodeSymbolFile(bytes, path.basename(file), placement) };
  } catch (error) {
    const facts = { file, remedy: SYMBOLS_REMEDY };
    if (error instanceof TraceError) throw error.withFacts(facts);
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new TraceError('io', describeSystemError(error), { ...facts, cause: error });
  }
}

/** "kernel, 86,988 symbols, 0x39000000 higher than they say; 5,188 of 5,203 call targets are functions". */
function describeFinding(finding: SourceFinding): string {
  const count = formatQuantity(finding.symbols, 'symbol');
  switch (finding.kind) {
    case 'kernel':
      return [
        [`kernel, ${count}`, ...describeSlide(finding.slideBytes)].join(', '),
        finding.vote === null
          ? 'too little kernel code in the trace to check them'
          : `${formatCount(finding.vote.matched)} of ${formatCount(finding.vote.total)} call targets are functions`,
        ...(finding.droppedModuleSymbols === 0
          ? []
          : [
              `${formatCount(finding.droppedModuleSymbols)} of kernel modules left out: of another boot`,
            ]),
      ].join('; ');
    case 'module':
      return [
        `kernel module ${finding.name}, ${count}`,
        finding.blocks === 0
          ? 'none of its code ran, so that its address is not checked'
          : `${formatQuantity(finding.blocks, 'block')} of its code ran`,
        ...(finding.otherBlocks === 0
          ? []
          : [`${formatCount(finding.otherBlocks)} of other code at its addresses`]),
      ].join('; ');
    case 'program':
      return `program, ${count}, at ${finding.bases.join(', ')}; ${formatQuantity(finding.blocks, 'block')} of its code ran`;
    default:
      return assertNever(finding);
  }
}

function describeSlide(slideBytes: number): string[] {
  if (slideBytes === 0) return [];
  const distance = `0x${Math.abs(slideBytes).toString(16)}`;
  return [`${distance} ${slideBytes > 0 ? 'higher' : 'lower'} than they say`];
}
