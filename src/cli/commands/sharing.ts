// SPDX-License-Identifier: Apache-2.0
import {
  requireSharingParameters,
  type SharedLine,
  type SharingParameters,
  type SharingResult,
  sharingAnalysis,
} from '../../analysis/index.ts';
import { formatHex64 } from '../../base/index.ts';
import type { CodeNames } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount, findSize } from '../command-spec.ts';
import { LINE_SIZE_OPTION } from '../geometry-options.ts';
import { renderSharing } from '../render/sharing.ts';
import type { NamedSharedLine, SharingFigures, SharingFunction } from '../sharing-report.ts';

export const DEFAULT_SHARING: SharingParameters = {
  lineBytes: 64,
  reportTop: 10,
  memoryBytes: 3 * 2 ** 27,
};

export const sharingCommand: CommandSpec = {
  details: `Lines are of physical memory. A line is shared when two vCPUs or more touch it: truly when one stores a byte that
another touches, falsely when they keep to different bytes and one stores. A coherence miss is a vCPU's return to a
line that another stored to meanwhile: of true sharing when it touches a byte that was stored, else of false sharing.
What one vCPU stored before the others came counts, too: of a
whole boot nearly all lines are shared truly, since the first vCPU cleared them; choose a part with --from.
docs/reuse-sharing-strides.md has more.`,
  options: [
    LINE_SIZE_OPTION,
    { flags: '--report-top <N>', description: 'functions and lines shown; default: 10' },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore sharing smp.memtrace',
    'loadstore sharing smp.memtrace --cpl 0 --report-top 20 --json',
  ],
  run: async (input, context) => {
    const parameters: SharingParameters = {
      ...DEFAULT_SHARING,
      lineBytes: findSize(input, 'lineSize', '--line-size') ?? DEFAULT_SHARING.lineBytes,
      reportTop: findCount(input, 'reportTop', '--report-top') ?? DEFAULT_SHARING.reportTop,
    };
    requireSharingParameters(parameters);
    return printAnalysis(input, context, renderSharing, async (analysis) => {
      const [result] = await runPass(input, context, analysis, [
        { analysis: sharingAnalysis, parameters },
      ]);
      const figures = sharingFigures(result, analysis.names, parameters.reportTop);
      return reportOf('sharing', input, analysis, parameters, figures);
    });
  },
};

function sharingFigures(
  { sites, topLines, ...result }: SharingResult,
  names: CodeNames,
  top: number,
): SharingFigures {
  const functions = new Map<string, SharingFunction>();
  for (const { block, insn, trueSharing, falseSharing } of sites) {
    const name = names.nameOf(block, insn);
    const known = functions.get(name);
    functions.set(name, {
      name,
      trueSharing: trueSharing + (known?.trueSharing ?? 0),
      falseSharing: falseSharing + (known?.falseSharing ?? 0),
    });
  }
  const total = (one: SharingFunction): number => one.trueSharing + one.falseSharing;
  return {
    ...result,
    functionCount: functions.size,
    functions: [...functions.values()].sort((a, b) => total(b) - total(a)).slice(0, top),
    topLines: topLines.map((line) => nameLine(line, names)),
  };
}

function nameLine(line: SharedLine, names: CodeNames): NamedSharedLine {
  const { kind, trueSharing, falseSharing, vcpus } = line;
  return {
    address: formatHex64(line.addressLo, line.addressHi),
    vaddr: formatHex64(line.vaddrLo, line.vaddrHi),
    name: names.namePlace(line.vaddrLo, line.vaddrHi),
    ...{ kind, trueSharing, falseSharing },
    vcpus: vcpus.map(({ vcpu, loadedLo, loadedHi, storedLo, storedHi }) => ({
      vcpu,
      loaded: formatHex64(loadedLo, loadedHi),
      stored: formatHex64(storedLo, storedHi),
    })),
  };
}
