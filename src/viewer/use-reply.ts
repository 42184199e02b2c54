// SPDX-License-Identifier: Apache-2.0
// An answer that a component shows: asked for when it appears, given up when it goes.

import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { reportProblem } from './problems.ts';

export type Answer<T> =
  | { readonly state: 'asked' }
  | { readonly state: 'here'; readonly reply: T }
  | { readonly state: 'failed'; readonly message: string };

/** Asks once; another question is another key of the component. `report`: of what failed, beside the answer. */
export function useReply<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  report: (error: unknown) => void = reportProblem,
): Signal<Answer<T>> {
  const answer = useSignal<Answer<T>>({ state: 'asked' });
  useEffect(() => {
    const controller = new AbortController();
    const { signal: aborted } = controller;
    const load = async (): Promise<void> => {
      try {
        const reply = await ask(aborted);
        if (!aborted.aborted) answer.value = { state: 'here', reply };
      } catch (error) {
        if (aborted.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        answer.value = { state: 'failed', message };
        report(error);
      }
    };
    void load();
    return () => controller.abort();
  }, []);
  return answer;
}
