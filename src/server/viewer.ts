// SPDX-License-Identifier: Apache-2.0
// A running viewer: the session of one trace behind a server of its own.

import type { DatabaseNames } from '../store/index.ts';
import { createEndpoints } from './endpoints.ts';
import { startHttpServer } from './http-server.ts';
import { readPageFiles } from './page-files.ts';
import { makeToken } from './request-guard.ts';
import { type IndexState, openSession, type SessionOptions } from './session.ts';

export interface ViewerOptions extends SessionOptions {
  readonly sqlNames: DatabaseNames;
  /** Folder of the built page. */
  readonly pageFolder: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface Viewer {
  /** Of the page, with the token. */
  readonly url: string;
  readonly token: string;
  readonly port: number;
  readonly index: IndexState;
  /** Ends requests and what goes on behind them; the trace stays the caller's to close. */
  close(): Promise<void>;
}

/**
 * Answers from then on, while the index is being built behind it. Throws UserError: 'environment' when the page was not
 * built, 'usage' for a port that is taken; and what the file system says of the trace.
 */
export async function startViewer(options: ViewerOptions): Promise<Viewer> {
  const page = await readPageFiles(options.pageFolder);
  const session = await openSession(options);
  const endpoints = createEndpoints(session, options.sqlNames);
  const token = makeToken();
  const closeSession = async (): Promise<void> => {
    await endpoints.close();
    await session.close();
  };
  try {
    const server = await startHttpServer({
      ...{ token, page, port: options.port, onBug: options.onBug },
      endpoints: endpoints.byName,
    });
    return {
      url: `http://127.0.0.1:${server.port}/${token}/`,
      token,
      port: server.port,
      get index() {
        return session.index.state;
      },
      async close() {
        await server.close();
        await closeSession();
      },
    };
  } catch (error) {
    await closeSession();
    throw error;
  }
}
