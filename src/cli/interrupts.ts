// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its kin, for as long as a command wants to answer them itself.

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls onStop at each stop signal while the work runs, onToggle at each SIGUSR1. */
export async function withSignals<T>(
  handlers: { readonly onStop: () => void; readonly onToggle?: () => void },
  work: () => Promise<T>,
): Promise<T> {
  const toggle = handlers.onToggle ?? (() => undefined);
  for (const signal of STOP_SIGNALS) process.on(signal, handlers.onStop);
  process.on('SIGUSR1', toggle);
  try {
    return await work();
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, handlers.onStop);
    process.off('SIGUSR1', toggle);
  }
}

/** The work gets a signal that Ctrl-C aborts. */
export async function withAbort<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  return withSignals(
    {
      onStop: () => {
        controller.abort();
      },
    },
    async () => work(controller.signal),
  );
}
