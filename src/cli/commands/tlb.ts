// SPDX-License-Identifier: Apache-2.0
import {
  chooseTlbAnalysis,
  requireTlbParameters,
  SPACE_RULES,
  type TlbGeometry,
  type TlbParameters,
  type TlbResult,
} from '../../analysis/index.ts';
import { parseCount, TraceError } from '../../base/index.ts';
import {
  ANALYSIS_OPTIONS,
  type AnalysisContext,
  printAnalysis,
  reportOf,
  runPass,
} from '../analysis-run.ts';
import {
  type CommandInput,
  type CommandSpec,
  findCount,
  findSize,
  findText,
  isOn,
} from '../command-spec.ts';
import { nameFrom } from '../name-option.ts';
import { renderTlb } from '../render/tlb.ts';
import type { TlbFigures } from '../tlb-report.ts';
import { requireCapability } from '../trace-options.ts';

export const DEFAULT_TLBS: TlbParameters & { readonly l2: TlbGeometry } = {
  l1i: { entries: 32, ways: 32 },
  l1d: { entries: 32, ways: 32 },
  l2: { entries: 1024, ways: 4 },
  walkCache: { pml4e: 2, pdpte: 4, pde: 32 },
  spaces: 'flush',
  pageBytes: undefined,
  fetches: true,
};

const DEFAULT_WALK_CACHE: string = Object.values(DEFAULT_TLBS.walkCache).join(',');
const DEFAULT_TOP = 10;

export const tlbCommand: CommandSpec = {
  details: `Each vCPU has an L1I TLB, an L1D TLB and an L2 TLB, of pages of any size, LRU, and page-walk caches. Pages are as
large as the trace says; of pages that hold only code it says nothing: they are taken to be as large as their
neighbours. An access or instruction is looked up in each page that it has a byte in. Invalidations of single
pages are not in a trace, and are not simulated. docs/caches-and-tlbs.md says more.`,
  options: [
    { flags: '--tlb-l1i-entries <N>', description: 'default: 32' },
    { flags: '--tlb-l1i-assoc <WAYS>', description: 'default: 32' },
    { flags: '--tlb-l1d-entries <N>', description: 'default: 32' },
    { flags: '--tlb-l1d-assoc <WAYS>', description: 'default: 32' },
    { flags: '--tlb-l2-entries <N>', description: 'default: 1024; 0: there is none' },
    { flags: '--tlb-l2-assoc <WAYS>', description: 'default: 4' },
    {
      flags: '--walk-cache <N,N,N>',
      description: `entries of the caches of PML4, PDPT and directory entries; default: ${DEFAULT_WALK_CACHE}`,
    },
    {
      flags: '--address-spaces <RULE>',
      description:
        'flush: a new CR3 leaves only global pages; tagged: it leaves all; default: flush',
    },
    {
      flags: '--page-size <BYTES>',
      description: 'of all pages: 4K, 2M, 1G; default: as the trace says',
    },
    { flags: '--data-only', description: 'no instruction fetches' },
    { flags: '--report-top <N>', description: 'functions shown; default: 10' },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore tlb boot.memtrace',
    'loadstore tlb boot.memtrace --tlb-l2-entries 1536 --tlb-l2-assoc 12 --address-spaces tagged --json',
  ],
  run: async (input, context) => {
    const parameters = tlbParametersFrom(input);
    return printAnalysis(input, context, renderTlb, async (analysis) => {
      if (parameters.pageBytes === undefined) {
        const instead = 'choose one size for all with --page-size 4K';
        requireCapability(analysis.trace, 'page-attributes', 'how large pages are', instead);
      }
      const [result] = await runPass(input, context, analysis, [
        { analysis: chooseTlbAnalysis(parameters), parameters },
      ]);
      return reportOf('tlb', input, analysis, parameters, tlbFigures(result, input, analysis));
    });
  },
};

/** Throws TraceError 'bad-argument' for what cannot be simulated. */
function tlbParametersFrom(input: CommandInput): TlbParameters {
  const geometry = (name: 'l1i' | 'l1d' | 'l2'): { entries: number; ways: number } => {
    const option = `tlb${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    return {
      entries:
        findCount(input, `${option}Entries`, `--tlb-${name}-entries`) ?? DEFAULT_TLBS[name].entries,
      ways: findCount(input, `${option}Assoc`, `--tlb-${name}-assoc`) ?? DEFAULT_TLBS[name].ways,
    };
  };
  const l2 = geometry('l2');
  const parameters: TlbParameters = {
    l1i: geometry('l1i'),
    l1d: geometry('l1d'),
    l2: l2.entries === 0 ? undefined : l2,
    walkCache: walkCacheFrom(findText(input, 'walkCache') ?? DEFAULT_WALK_CACHE),
    spaces: nameFrom(input, 'addressSpaces', '--address-spaces', SPACE_RULES),
    pageBytes: findSize(input, 'pageSize', '--page-size'),
    fetches: !isOn(input, 'dataOnly'),
  };
  requireTlbParameters(parameters);
  return parameters;
}

function walkCacheFrom(text: string): TlbParameters['walkCache'] {
  const counts = text.split(',').map((word) => parseCount(word, '--walk-cache'));
  const [pml4e, pdpte, pde] = counts;
  if (counts.length !== 3 || pml4e === undefined || pdpte === undefined || pde === undefined) {
    throw new TraceError('bad-argument', '--walk-cache is not three numbers', {
      expected: `numbers of entries, as in ${DEFAULT_WALK_CACHE}`,
      found: text,
      remedy: `--walk-cache ${DEFAULT_WALK_CACHE}, or other numbers; 0 leaves one out`,
    });
  }
  return { pml4e, pdpte, pde };
}

function tlbFigures(
  { blocks, ...result }: TlbResult,
  input: CommandInput,
  { names }: AnalysisContext,
): TlbFigures {
  const byFunction = new Map<string, number>();
  for (const { block, walks } of blocks) {
    const name = names.nameOf(block, 0);
    byFunction.set(name, (byFunction.get(name) ?? 0) + walks);
  }
  const functions = [...byFunction]
    .map(([name, walks]) => ({ name, walks }))
    .sort((a, b) => b.walks - a.walks || (a.name < b.name ? -1 : 1));
  const limit = findCount(input, 'reportTop', '--report-top') ?? DEFAULT_TOP;
  return { ...result, functionCount: functions.length, functions: functions.slice(0, limit) };
}
