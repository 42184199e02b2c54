// SPDX-License-Identifier: Apache-2.0
// The part of a trace that is exported.

export interface Selection {
  /** Ordinals of accesses within each stream, half open. */
  readonly from: number;
  readonly to: number;
  /** Only this one; undefined: all. */
  readonly vcpu: number | undefined;
  readonly signal: AbortSignal | undefined;
}
