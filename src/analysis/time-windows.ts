// SPDX-License-Identifier: Apache-2.0
// Time as windows of so many instructions of the vCPU that makes the access. Each vCPU counts its own, from 0 on, and
// stands still while it halts: the same window of two vCPUs is not one time. Analyses add up what all vCPUs did in it,
// and whoever shows that says so.

export interface TimeWindows {
  /** icount at which window 0 begins. */
  readonly firstIcount: number;
  /** icount that the windows have to reach: inside the last one, or its end. */
  readonly endIcount: number;
  /** Instructions in a window, at least 1. */
  readonly windowInstructions: number;
  /** What is behind the last window belongs to it. */
  readonly windowCount: number;
}

/** Windows of this many instructions that cover icounts begin to end. */
export function windowsOver(begin: number, end: number, windowInstructions: number): TimeWindows {
  const windowCount = Math.max(1, Math.ceil((end - begin) / windowInstructions));
  return { firstIcount: begin, endIcount: end, windowInstructions, windowCount };
}

/** The window of an icount. */
export function windowOf(windows: TimeWindows, icount: number): number {
  const window = Math.floor((icount - windows.firstIcount) / windows.windowInstructions);
  return Math.min(windows.windowCount - 1, Math.max(0, window));
}

/** icount at which a window begins. */
export function beginOfWindow(windows: TimeWindows, window: number): number {
  return windows.firstIcount + window * windows.windowInstructions;
}
