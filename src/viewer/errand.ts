// SPDX-License-Identifier: Apache-2.0
// What the page is on its way to show, one thing at a time: what is shown instead meanwhile ends it, so that no answer
// that comes late moves the map from there.

let controller = new AbortController();

/** Ends the errand before. The signal is that of its end. */
export function beginErrand(): AbortSignal {
  endErrand();
  controller = new AbortController();
  return controller.signal;
}

export function endErrand(): void {
  controller.abort();
}
