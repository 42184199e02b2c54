// SPDX-License-Identifier: Apache-2.0

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { announcement } from './page-state.ts';

const DONE_MS = 1500;

export function CopyButton({ text }: { text: string }): JSX.Element {
  const said = useSignal('Copy');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = 'Copied';
    } catch {
      said.value = 'Refused by the browser';
    }
    announcement.value = said.peek();
    setTimeout(() => {
      said.value = 'Copy';
    }, DONE_MS);
  };
  return (
    <button type="button" aria-label={`Copy: ${text}`} onClick={() => void copy()}>
      {said.value}
    </button>
  );
}
