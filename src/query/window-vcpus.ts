// SPDX-License-Identifier: Apache-2.0
// Whose instructions the windows of a result count. Each vCPU has an icount of its own, which stands still while it
// halts: windows of several vCPUs with the same number are not of one time.

import type { Trace } from '../format/index.ts';

/** Numbers of the vCPUs, ascending; `vcpu`: the only one that was chosen. */
export function windowVcpus(trace: Trace, vcpu?: number): number[] {
  if (vcpu !== undefined) return [vcpu];
  const totals = trace.totals?.vcpus ?? [];
  // Of a trace that was cut there are no totals.
  const states = trace.chunks.flatMap(({ vcpuStates }) => vcpuStates);
  const numbers = (totals.length > 0 ? totals : states).map((one) => one.vcpu);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** What a window of several vCPUs is; undefined for one vCPU, where there is nothing to say. */
export function describeWindows(vcpus: readonly number[]): string | undefined {
  if (vcpus.length < 2) return undefined;
  return `each vCPU counts its own instructions: a window adds up what ${vcpus.length} vCPUs did in theirs, which was not at one time`;
}
