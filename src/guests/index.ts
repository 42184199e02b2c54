// SPDX-License-Identifier: Apache-2.0
// Guests that the project brings along.

export {
  DEMO_DONE_LINE,
  DEMO_INITRAMFS,
  type DemoBootOptions,
  type DemoGuest,
  type DemoGuestRequest,
  demoBootArguments,
  prepareDemoGuest,
} from './demo-guest.ts';
export type { Access } from './guest-accesses.ts';
export {
  type GuestFile,
  type GuestMachine,
  guestNames,
  openGuest,
  type SourceLine,
} from './guest-file.ts';
export { encodeInitramfs } from './initramfs.ts';
export { type BootedImage, findKnownSymbols } from './known-symbols.ts';
export { type GuestRequest, type GuestRun, guestArguments, recordGuest } from './micro-guest.ts';
