// SPDX-License-Identifier: Apache-2.0
// A thread of a pass: see run-workers.node.ts. Orders are carried out one after the other.

import { parentPort } from 'node:worker_threads';
import { findAnalysis } from '../analysis/index.ts';
import { failureOf, requireDefined, type TraceFailure } from '../base/index.ts';
import { openSharedTrace } from '../format/index.ts';
import { loadAnalysis } from './load-analysis.node.ts';
import { type AnyAnalysis, shapeFrom } from './pass.ts';
import { createPassMember } from './pass-member.node.ts';
import type { WorkerOrder, WorkerReport, WorkerRequest, WorkerTask } from './protocol.ts';
import { buffersOf } from './sent-buffers.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');

async function work(): Promise<void> {
  const task = requireTask(await nextMessage());
  const trace = await openSharedTrace(task.trace);
  const analyses = await Promise.all(task.plan.requests.map(requireAnalysis));
  const member = createPassMember(trace, shapeFrom(trace, task.shape), task.plan, analyses);
  for (;;) {
    const order = requireOrder(await nextMessage());
    await member.carryOut(order, report);
    if (order.type === 'finish') break;
  }
  await trace.close();
  port.close();
}

/** The task, and orders behind it. */
const messages: (WorkerTask | WorkerOrder)[] = [];
let wake: (() => void) | undefined;

port.on('message', (message: WorkerTask | WorkerOrder) => {
  messages.push(message);
  wake?.();
});

async function nextMessage(): Promise<WorkerTask | WorkerOrder> {
  for (;;) {
    const message = messages.shift();
    if (message !== undefined) return message;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

async function requireAnalysis({ name, moduleUrl }: WorkerRequest): Promise<AnyAnalysis> {
  if (moduleUrl !== undefined) return loadAnalysis(moduleUrl);
  return requireDefined(findAnalysis(name), `the registry has the analysis "${name}"`);
}

function requireTask(message: WorkerTask | WorkerOrder): WorkerTask {
  if ('plan' in message) return message;
  throw new Error('internal: an analysing thread was given orders before its task');
}

function requireOrder(message: WorkerTask | WorkerOrder): WorkerOrder {
  if ('type' in message) return message;
  throw new Error('internal: an analysing thread was given a second task');
}

/** Digests and states are sent, not copied; what is parted is lent. */
function report(message: WorkerReport | TraceFailure): void {
  let sent: unknown;
  if (message.type === 'decoded') sent = message.digests;
  else if (message.type === 'finished') sent = message.states;
  port.postMessage(message, buffersOf(sent));
}

try {
  await work();
} catch (error) {
  report(failureOf(error));
}
