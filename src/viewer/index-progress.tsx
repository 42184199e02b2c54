// SPDX-License-Identifier: Apache-2.0
// Over the map while there is no index to draw it from.

import type { JSX } from 'preact';
import { formatProgress } from '../base/index.ts';
import { trace } from './page-state.ts';

export function IndexProgress(): JSX.Element | null {
  const reply = trace.value;
  if (reply === null) return <div class="over-map">Opening the trace…</div>;
  const { state, part, message } = reply.index;
  if (state === 'ready') return null;
  const isFailed = state === 'failed';
  return (
    <div class="over-map" role={isFailed ? 'alert' : undefined}>
      <b>{isFailed ? 'The index could not be built' : 'Building the index of this trace'}</b>
      {isFailed ? null : (
        <>
          <progress value={part} max={1} aria-label="Part of the index that is built" />
          <span>{formatProgress(part)}, once for each trace</span>
        </>
      )}
      {message === null ? null : <span>{message}</span>}
    </div>
  );
}
