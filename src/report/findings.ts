// SPDX-License-Identifier: Apache-2.0
// What is to be seen in each chart and table, said in a line: their titles.

import { formatBytes, formatCountShort, formatRatio } from '../base/index.ts';
import type { ReportResult } from '../query/index.ts';

export interface Findings {
  readonly rate: string;
  readonly spaces: string;
  readonly footprint: string;
  readonly heat: string;
  readonly reuse: string;
  /** '' when each line was followed. */
  readonly reuseSampling: string;
  readonly functions: string;
  readonly instructions: string;
  readonly pages: string;
  readonly mix: string;
}

export function findingsOf(result: ReportResult): Findings {
  const { counts, footprint, heat, hot, addressSpaces } = result;
  const share = (rows: readonly Count[]): string => formatRatio(sum(rows), hot.loads + hot.stores);
  return {
    rate: rateFinding(result),
    spaces: spacesFinding(addressSpaces?.rows ?? [], counts.accesses),
    footprint: footprintFinding(footprint),
    heat: regionsFinding(heat.rows),
    reuse: reuseFinding(result.reuse),
    reuseSampling: describeSampling(result.reuse),
    functions: `${countOf(hot.functions.top.length, 'function')} of ${formatCountShort(hot.functions.count)} make ${share(hot.functions.top)} of all accesses`,
    instructions: `${countOf(hot.instructions.top.length, 'instruction')} of ${formatCountShort(hot.instructions.count)} make ${share(hot.instructions.top)}`,
    pages: `${countOf(hot.pages.top.length, 'page')} of ${formatCountShort(hot.pages.count)} take ${share(hot.pages.top)}`,
    mix: mixFinding(result),
  };
}

interface Count {
  readonly loads: number;
  readonly stores: number;
}

function sum(rows: readonly Count[]): number {
  return rows.reduce((total, { loads, stores }) => total + loads + stores, 0);
}

function countOf(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

function rateFinding({ counts }: ReportResult): string {
  const { accesses, byCpl, instructions } = counts;
  const perThousand = instructions === 0 ? 0 : Math.round((1000 * accesses) / instructions);
  const user = sum(byCpl.filter(({ cpl }) => cpl === 3));
  const unknown = sum(byCpl.filter(({ cpl }) => cpl === null));
  const who =
    unknown === accesses ? '' : `; ${formatRatio(user, accesses)} of them by user code (CPL 3)`;
  return `${perThousand} accesses per 1,000 instructions${who}`;
}

function spacesFinding(
  rows: readonly { readonly number: number; readonly accesses: number }[],
  total: number,
): string {
  const most = rows.toSorted((a, b) => b.accesses - a.accesses)[0];
  if (most === undefined) return 'no address space was used';
  return `${countOf(rows.length, 'address space')}; number ${most.number} makes ${formatRatio(most.accesses, total)} of the accesses`;
}

function footprintFinding(footprint: ReportResult['footprint']): string {
  const { total, windows, lineBytes, pageBytes, sampledOneIn } = footprint;
  const peak = windows.reduce((most, { all }) => Math.max(most, all.lines), 0);
  const inLines = formatBytes(total.all.lines * lineBytes);
  const inPages = formatBytes(total.all.pages * pageBytes);
  const sampled =
    sampledOneIn === 1 ? '' : `; estimated from one page in ${formatCountShort(sampledOneIn)}`;
  return `at most ${formatBytes(peak * lineBytes)} of lines are touched in one window, ${inLines} in all; whole pages: ${inPages}${sampled}`;
}

/** Sizes that level 1 and level 2 caches have. */
const TOLD_SIZES = [2 ** 15, 2 ** 20];

function describeSampling({ sampling }: ReportResult['reuse']): string {
  return sampling === null || sampling.rate === 1
    ? ''
    : `; estimated from one line in ${formatCountShort(Math.round(1 / sampling.rate))}`;
}

function reuseFinding({ missRatioCurve }: ReportResult['reuse']): string {
  const told = TOLD_SIZES.flatMap((size) => {
    const point = missRatioCurve.find(({ sizeBytes }) => sizeBytes >= size);
    return point === undefined
      ? []
      : [`${formatBytes(point.sizeBytes)} miss ${formatRatio(point.missRatio, 1)}`];
  });
  return told.length === 0 ? 'no line was used twice' : told.join(', ');
}

function regionsFinding(rows: ReportResult['heat']['rows']): string {
  const byRegion = new Map<string, number>();
  let total = 0;
  for (const { region, loads, stores } of rows) {
    const count = [...loads, ...stores].reduce((part, one) => part + one, 0);
    byRegion.set(region, (byRegion.get(region) ?? 0) + count);
    total += count;
  }
  const shares = [...byRegion].sort(([, a], [, b]) => b - a).slice(0, 3);
  return shares.map(([region, count]) => `${region} ${formatRatio(count, total)}`).join(', ');
}

function mixFinding({ counts }: ReportResult): string {
  const [first] = counts.byMnemonic;
  if (first === undefined) return 'no instruction completed';
  return `${formatCountShort(counts.byMnemonic.length)} kinds of instruction; ${formatRatio(first.executions, counts.instructions)} are ${first.mnemonic}`;
}
