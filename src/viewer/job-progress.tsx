// SPDX-License-Identifier: Apache-2.0
// How far a question that takes seconds is: the server works on one at a time.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { formatProgress } from '../base/index.ts';
import type { JobsReply } from '../server/protocol.ts';
import { api } from './api-client.ts';

type Job = JobsReply['jobs'][number];

const ASK_MS = 600;

export function JobProgress({ name, label }: { name: Job['name']; label: string }): JSX.Element {
  const job = useSignal<Job | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const { jobs } = await api.jobs(controller.signal);
        // The latest of the kind is ours: the page gives the older ones up.
        job.value = jobs.findLast((one) => one.name === name) ?? null;
      } catch {
        // The question itself says what is wrong.
        job.value = null;
      }
    };
    const timer = setInterval(() => void ask(), ASK_MS);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [name]);
  const part = job.value?.part ?? null;
  return (
    <div class="job">
      {part === null || part === 0 ? (
        <progress aria-label={label} />
      ) : (
        <progress aria-label={label} value={part} max={1} />
      )}
      <span class="soft">
        {job.value === null
          ? label
          : part === null
            ? `${label}: after another question`
            : `${label}: ${formatProgress(part)}`}
      </span>
    </div>
  );
}
