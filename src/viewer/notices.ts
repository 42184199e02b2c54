// SPDX-License-Identifier: Apache-2.0
// What came of a key or a command that nothing else on the page shows: said to everybody, for a while.

import { batch, type Signal, signal } from '@preact/signals';
import { announcement } from './page-state.ts';

export const notice: Signal<string> = signal('');

const SHOWN_MS = 6000;
let timer = 0;

export function tell(text: string): void {
  clearTimeout(timer);
  batch(() => {
    notice.value = text;
    announcement.value = text;
  });
  timer = window.setTimeout(clearNotice, SHOWN_MS);
}

export function clearNotice(): void {
  clearTimeout(timer);
  notice.value = '';
}
