// SPDX-License-Identifier: Apache-2.0
// What a format has no place for, counted while it is left out.

/** By name: what was left out. */
export const LOSSES = {
  aborted: 'accesses of instructions that did not complete',
  eventDeliveries: 'table reads and frame pushes of interrupts and exceptions',
  pageWalks: 'accessed and dirty bits that the MMU set',
  devices: 'accesses to devices (MMIO), in whole or in part',
  unknownPaddr: 'accesses, or their parts in a second page, whose physical address is not known',
  addressZero: 'accesses to address 0, which the format takes for none',
  events: 'interrupts and exceptions whose place in the program is not known',
} as const;

export type LossName = keyof typeof LOSSES;

export const LOSS_NAMES: readonly LossName[] = [
  ...(['aborted', 'eventDeliveries', 'pageWalks', 'devices', 'unknownPaddr'] as const),
  ...(['addressZero', 'events'] as const),
];

export type LossCounts = Record<LossName, number>;

export function noLosses(): LossCounts {
  return {
    aborted: 0,
    eventDeliveries: 0,
    pageWalks: 0,
    devices: 0,
    unknownPaddr: 0,
    addressZero: 0,
    events: 0,
  };
}
