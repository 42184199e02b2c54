// SPDX-License-Identifier: Apache-2.0
import {
  type CacheGeometry,
  type CacheParameters,
  type CacheResult,
  chooseCacheAnalysis,
  countsAnalysis,
  createInstructionTable,
  createTopList,
  DATA_PREFETCHERS,
  type InstructionTable,
  LEVEL_NAMES,
  type LevelName,
  REPLACE_POLICIES,
  requireCacheParameters,
  type TraceShape,
} from '../../analysis/index.ts';
import { formatHex64, TraceError } from '../../base/index.ts';
import type { Trace } from '../../format/index.ts';
import { type CodeNames, DEFAULT_CACHES, type LevelOption } from '../../query/index.ts';
import {
  ANALYSIS_OPTIONS,
  type AnalysisContext,
  printAnalysis,
  reportOf,
  runPass,
} from '../analysis-run.ts';
import type { CacheFigures, LevelMisses } from '../cache-report.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findSize,
  findText,
  isOn,
} from '../command-spec.ts';
import { nameFrom } from '../name-option.ts';
import { renderCache } from '../render/cache.ts';
import { selectionWords } from '../selection-options.ts';
import { requireCapability } from '../trace-options.ts';

const DEFAULT_TOP = 10;

export const cacheCommand: CommandSpec = {
  details: `Each vCPU has an L1I, an L1D and an L2; all share the last level. An access or instruction touches each line
that it has a byte in, and each touch is counted. Accesses to devices go to no cache. Addresses are virtual unless
--use-physical; of code a trace has no physical ones, so that means data only. Caches begin empty, at --from too:
--warmup-refs leaves the misses of filling them out. docs/caches-and-tlbs.md says what is simulated, and docs/referees.md
which simulators it agrees with.`,
  options: [
    { flags: '--line-size <BYTES>', description: 'of all levels; default: 64' },
    { flags: '--l1i-size <BYTES>', description: 'default: 32K' },
    { flags: '--l1i-assoc <WAYS>', description: 'default: 8' },
    { flags: '--l1d-size <BYTES>', description: 'default: 32K' },
    { flags: '--l1d-assoc <WAYS>', description: 'default: 8' },
    { flags: '--l2-size <BYTES>', description: 'default: 1M; 0: there is none' },
    { flags: '--l2-assoc <WAYS>', description: 'default: 16' },
    { flags: '--ll-size <BYTES>', description: 'the last level; default: 8M; 0: there is none' },
    { flags: '--ll-assoc <WAYS>', description: 'default: 16' },
    { flags: '--data-only', description: 'no instruction fetches; twice as fast' },
    {
      flags: '--replace-policy <NAME>',
      description: `${REPLACE_POLICIES.join(', ')}; default: lru`,
    },
    { flags: '--random-seed <N>', description: 'of --replace-policy random; default: 1' },
    { flags: '--no-write-allocate', description: 'a store that misses brings no line in' },
    {
      flags: '--data-prefetcher <NAME>',
      description: `${DATA_PREFETCHERS.join(', ')}; default: none`,
    },
    { flags: '--use-physical', description: 'lines of physical memory; data only' },
    { flags: '--warmup-refs <N>', description: 'so many data accesses are not counted at first' },
    {
      flags: '--warmup-fraction <F>',
      description: 'such a part of them, from 0 to below 1, is not; of the whole trace only',
    },
    {
      flags: '--miss-classes',
      description: 'compulsory, capacity and conflict misses; several times as slow',
    },
    { flags: '--report-top <N>', description: 'functions and instructions shown; default: 10' },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore cache boot.memtrace',
    'loadstore cache boot.memtrace --l1d-size 48K --l1d-assoc 12 --ll-size 32M --cpl 3',
    'loadstore cache boot.memtrace --data-only --warmup-fraction 0.1 --json',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderCache, async (analysis) => {
      const parameters = cacheParametersFrom(input, analysis.trace);
      const whyNoInstructions = whyNotCounted(input, parameters);
      const isCounted = parameters.l1i === undefined && whyNoInstructions === null;
      const result = await simulate(input, context, analysis, parameters, isCounted);
      const figures = cacheFigures(result, input, analysis, whyNoInstructions);
      return reportOf('cache', input, analysis, parameters, figures);
    });
  },
};

/** Throws TraceError 'bad-argument' for what cannot be simulated, 'missing-capability' for --use-physical without such addresses. */
function cacheParametersFrom(input: CommandInput, trace: Trace): CacheParameters {
  const usePhysical = isOn(input, 'usePhysical');
  if (usePhysical) requireCapability(trace, 'paddr', '--use-physical');
  const parameters: CacheParameters = {
    lineBytes: findSize(input, 'lineSize', '--line-size') ?? DEFAULT_CACHES.lineBytes,
    l1i: usePhysical || isOn(input, 'dataOnly') ? undefined : geometryFrom(input, 'l1i'),
    l1d: geometryFrom(input, 'l1d'),
    l2: unlessNone(geometryFrom(input, 'l2')),
    ll: unlessNone(geometryFrom(input, 'll')),
    replacePolicy: nameFrom(input, 'replacePolicy', '--replace-policy', REPLACE_POLICIES),
    randomSeed: findCount(input, 'randomSeed', '--random-seed') ?? DEFAULT_CACHES.randomSeed,
    writeAllocate: input.options.get('writeAllocate') !== false,
    dataPrefetcher: nameFrom(input, 'dataPrefetcher', '--data-prefetcher', DATA_PREFETCHERS),
    usePhysical,
    warmupRefs: warmupFrom(input, trace),
    classify: isOn(input, 'missClasses'),
  };
  requireCacheParameters(parameters);
  return parameters;
}

function geometryFrom(input: CommandInput, level: LevelOption): CacheGeometry {
  return {
    sizeBytes:
      findSize(input, `${level}Size`, `--${level}-size`) ?? DEFAULT_CACHES[level].sizeBytes,
    ways: findCount(input, `${level}Assoc`, `--${level}-assoc`) ?? DEFAULT_CACHES[level].ways,
  };
}

function unlessNone(geometry: CacheGeometry): CacheGeometry | undefined {
  return geometry.sizeBytes === 0 ? undefined : geometry;
}

function warmupFrom(input: CommandInput, trace: Trace): number {
  const refs = findCount(input, 'warmupRefs', '--warmup-refs');
  const text = findText(input, 'warmupFraction');
  if (text === undefined) return refs ?? 0;
  const fraction = Number(text);
  if (text.trim() === '' || !(fraction >= 0 && fraction < 1)) {
    throw new TraceError('bad-argument', '--warmup-fraction is not a part', {
      expected: 'a number from 0 to below 1',
      found: text,
      remedy: '--warmup-fraction 0.1, for example',
    });
  }
  if (refs !== undefined || Object.keys(selectionWords(input)).length > 0) {
    throw new TraceError('bad-argument', '--warmup-fraction is of the whole trace', {
      remedy: 'Use --warmup-refs alone, which counts what was selected.',
    });
  }
  const { loads, stores } = trace.summary();
  return Math.floor(fraction * (loads + stores));
}

/** Why instructions are not known where none are fetched; null: they are. */
function whyNotCounted(
  input: CommandInput,
  { l1i, warmupRefs }: CacheParameters,
): CacheFigures['whyNoInstructions'] {
  if (l1i !== undefined) return null;
  const { address, physicalAddress } = selectionWords(input);
  if (address !== undefined) return '--address chooses accesses, not instructions';
  if (physicalAddress !== undefined) return '--physical-address chooses accesses, not instructions';
  return warmupRefs > 0 ? 'it is not known how many of them are of the warm-up' : null;
}

/** isCounted: with instructions though none are fetched, as the trace's totals or, of a part, `counts` have them. */
async function simulate(
  input: CommandInput,
  context: CliContext,
  analysis: AnalysisContext,
  parameters: CacheParameters,
  isCounted: boolean,
): Promise<CacheResult> {
  const simulation = { analysis: chooseCacheAnalysis(parameters), parameters };
  if (isCounted && Object.keys(selectionWords(input)).length > 0) {
    const counting = { analysis: countsAnalysis, parameters: {} };
    const [result, counts] = await runPass(input, context, analysis, [simulation, counting]);
    // To count instructions is no reason to simulate none of what was asked for.
    if (counts.accesses === 0) {
      throw new TraceError('empty-selection', 'the selection leaves no access', {
        file: analysis.trace.path,
        remedy: 'a wider selection, or caches with instruction fetches',
      });
    }
    return withInstructions(result, counts.instructions);
  }
  const [result] = await runPass(input, context, analysis, [simulation]);
  return isCounted ? withInstructions(result, analysis.trace.summary().instructions) : result;
}

/** Names for the instructions that missed. */
function cacheFigures(
  { missesByInsn, ...result }: CacheResult,
  input: CommandInput,
  { shape, names }: AnalysisContext,
  whyNoInstructions: CacheFigures['whyNoInstructions'],
): CacheFigures {
  const limit = findCount(input, 'reportTop', '--report-top') ?? DEFAULT_TOP;
  const levels = result.levels.map(({ name }) => name).reverse();
  const { byFunction, instructions } = nameMisses(missesByInsn, shape, names);
  const most = (a: { misses: LevelMisses }, b: { misses: LevelMisses }): number =>
    levels
      .map((level) => (b.misses[level] ?? 0) - (a.misses[level] ?? 0))
      .find((difference) => difference !== 0) ?? 0;
  const functions = [...byFunction].map(([name, misses]) => ({ name, misses })).sort(most);
  const [first] = levels;
  const missesOf = (instruction: number): LevelMisses => {
    const { block, insn } = instructions.placeOf(instruction);
    return missesAt(missesByInsn, (shape.insnBase[block] ?? 0) + insn);
  };
  const missing = createTopList<number>(
    limit,
    (instruction) => (first === undefined ? 0 : (missesOf(instruction)[first] ?? 0)),
    (a, b) => most({ misses: missesOf(a) }, { misses: missesOf(b) }) || a - b,
  );
  for (let one = 0; one < instructions.count; one++) missing.offer(one);
  return {
    ...result,
    notSimulated: notSimulated(input),
    whyNoInstructions,
    functionCount: functions.length,
    functions: functions.slice(0, limit),
    instructionCount: instructions.count,
    missingInstructions: missing.take().map((instruction) => {
      const { block, insn } = instructions.placeOf(instruction);
      const { lo, hi } = names.addressOf(block, insn);
      return {
        address: formatHex64(lo, hi),
        function: names.nameOf(block, insn),
        text: names.textOf(block, insn),
        misses: missesOf(instruction),
      };
    }),
  };
}

/** Physical pages of code are told by accident only, where data of the same page is accessed. */
function notSimulated(input: CommandInput): CacheFigures['notSimulated'] {
  if (isOn(input, 'usePhysical')) {
    return [{ name: 'L1I', why: 'a trace does not tell the physical addresses of code' }];
  }
  return isOn(input, 'dataOnly') ? [{ name: 'L1I', why: '--data-only' }] : [];
}

function withInstructions(result: CacheResult, instructions: number): CacheResult {
  const levels = result.levels.map((level) => ({
    ...level,
    mpki: instructions === 0 ? null : (1000 * level.misses) / instructions,
  }));
  return { ...result, instructions, levels };
}

/** Misses of an instruction of the code table. */
function missesAt(
  missesByInsn: CacheResult['missesByInsn'],
  at: number,
): Partial<Record<LevelName, number>> {
  const misses: Partial<Record<LevelName, number>> = {};
  for (const level of LEVEL_NAMES) {
    const count = missesByInsn[level]?.[at];
    if (count !== undefined) misses[level] = count;
  }
  return misses;
}

interface NamedMisses {
  readonly byFunction: ReadonlyMap<string, LevelMisses>;
  /** Those that missed. */
  readonly instructions: InstructionTable;
}

/**
 * Adds up misses by function; and those of one instruction, which is in many blocks, where the table saw it first. In
 * place: there are counts for each instruction of the trace.
 */
function nameMisses(
  missesByInsn: CacheResult['missesByInsn'],
  { blockCount, insnBase, code }: TraceShape,
  names: CodeNames,
): NamedMisses {
  const byFunction = new Map<string, Partial<Record<LevelName, number>>>();
  const instructions = createInstructionTable(code);
  const counts = LEVEL_NAMES.flatMap((level) => {
    const misses = missesByInsn[level];
    return misses === undefined ? [] : [{ level, misses }];
  });
  for (let block = 0; block < blockCount; block++) {
    const begin = insnBase[block] ?? 0;
    const end = insnBase[block + 1] ?? 0;
    for (let at = begin; at < end; at++) {
      if (counts.every(({ misses }) => misses[at] === 0)) continue;
      const name = names.nameOf(block, at - begin);
      const ofFunction = byFunction.get(name) ?? {};
      byFunction.set(name, ofFunction);
      const seen = instructions.placeOf(instructions.numberOf(block, at - begin));
      const into = (insnBase[seen.block] ?? 0) + seen.insn;
      for (const { level, misses } of counts) {
        const more = misses[at] ?? 0;
        ofFunction[level] = (ofFunction[level] ?? 0) + more;
        if (into !== at) misses[into] = (misses[into] ?? 0) + more;
      }
    }
  }
  return { byFunction, instructions };
}
