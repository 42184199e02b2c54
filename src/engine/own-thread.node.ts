// SPDX-License-Identifier: Apache-2.0
// The process's own thread as one of a pass: it has opened the trace already, and would only wait meanwhile.

import type { Thread } from '../format/index.ts';
import type { PassMember } from './pass-member.node.ts';
import type { WorkerOrder, WorkerReport } from './protocol.ts';

/** Between two chunks, whose reading it waits for, the thread does what else there is to do. */
export function useOwnThread(member: PassMember): Thread<WorkerOrder, WorkerReport> {
  const reports: WorkerReport[] = [];
  let failure: Error | undefined;
  const stopping = new AbortController();
  let wake: (() => void) | undefined;
  let orders = Promise.resolve();
  const report = (next: WorkerReport): void => {
    reports.push(next);
    wake?.();
  };
  return {
    order(order) {
      orders = orders
        .then(() => member.carryOut(order, report, stopping.signal))
        .catch((error: unknown) => {
          failure ??= error instanceof Error ? error : new Error(String(error));
          wake?.();
        });
    },
    reports,
    broken: () => failure,
    onWake(next) {
      wake = next;
    },
    async stop() {
      stopping.abort();
      await orders;
    },
  };
}
