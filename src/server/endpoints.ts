// SPDX-License-Identifier: Apache-2.0
// Every question that the page can ask: its parameters, narrowed, and its answer as protocol.ts says.

import type { DatabaseNames } from '../store/index.ts';
import type { Endpoint } from './http-server.ts';
import { lookupEndpoints } from './lookup-endpoints.ts';
import { mapEndpoints } from './map-endpoints.ts';
import type { Session } from './session.ts';
import { windowEndpoints } from './window-endpoints.ts';

export interface Questions {
  readonly byName: ReadonlyMap<string, Endpoint>;
  close(): Promise<void>;
}

export function createEndpoints(session: Session, sqlNames: DatabaseNames): Questions {
  const { jobs } = session;
  const endpoints = {
    ...mapEndpoints(session),
    ...windowEndpoints(session),
    ...lookupEndpoints(session, sqlNames),
  };
  return {
    byName: new Map(
      Object.entries(endpoints).map(([name, endpoint]) => [name, watched(session, endpoint)]),
    ),
    async close() {
      // What was given up still reads the trace for a moment.
      await jobs.idle();
    },
  };
}

/** A trace that is not the one that was opened answers nothing: half of it would be another's. */
function watched({ watch }: Session, endpoint: Endpoint): Endpoint {
  return async (parameters, signal) => {
    await watch.requireSame();
    return endpoint(parameters, signal);
  };
}
