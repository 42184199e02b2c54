// SPDX-License-Identifier: Apache-2.0
// Asks what the trace is until its index is ready; and when nobody answers, until somebody does.

import { api } from './api-client.ts';
import { scene } from './map-pane.tsx';
import { readLink } from './navigation.ts';
import * as page from './page-state.ts';
import { closeProblem, problems, reportProblem, showProblem } from './problems.ts';
import { baseName } from './save-file.ts';

const BUILDING_MS = 500;
const GONE_MS = 2000;
const WATCH_MS = 5000;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Never ends. */
export async function followTrace(): Promise<void> {
  let wasReady = false;
  for (;;) {
    try {
      const reply = await api.trace();
      const before = page.trace.peek();
      const isOther = before !== null && before.fingerprint !== reply.fingerprint;
      if (
        isOther ||
        reply.index.state !== before?.index.state ||
        reply.index.state === 'building'
      ) {
        page.trace.value = reply;
      }
      if (reply.index.state === 'ready' && (!wasReady || isOther)) {
        wasReady = true;
        readLink();
        if (reply.index.message !== null) showProblem('damaged', reply.index.message);
      }
      document.title = `${baseName(reply.file)} - loadstore`;
      recover();
      await pause(reply.index.state === 'building' ? BUILDING_MS : WATCH_MS);
    } catch (error) {
      reportProblem(error);
      await pause(GONE_MS);
    }
  }
}

/** What nobody answered, or what came too early, is asked again. */
function recover(): void {
  const isOver = problems
    .peek()
    .some(({ kind }) => kind === 'unreachable' || kind === 'gone' || kind === 'busy');
  closeProblem('unreachable');
  closeProblem('gone');
  closeProblem('busy');
  if (isOver) scene.current?.retry();
}
