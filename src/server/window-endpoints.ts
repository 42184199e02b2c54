// SPDX-License-Identifier: Apache-2.0
// Questions about a window: its summary, its accesses as a list or a file, and the same on the command line.

import { csvOf } from './access-csv.ts';
import { rowCodeOf, rowOf } from './access-rows.ts';
import { createDownloads } from './downloads.ts';
import { type Endpoints, json } from './http-server.ts';
import { axisOf, knownStream } from './known-parameters.ts';
import { ORDINAL, windowFrom } from './parameters.ts';
import type { AccessesReply, CommandReply, CommandVerb } from './protocol.ts';
import type { Session } from './session.ts';
import { summarize } from './summary.ts';
import { windowCommand } from './window-command.ts';
import { withRoom } from './with-room.ts';

const COUNT = { least: 1, most: 1000 };
const CSV_TYPE = 'text/csv; charset=utf-8';
const VERBS: readonly CommandVerb[] = ['dump', 'hot'];

export function windowEndpoints(session: Session): Endpoints {
  const { chunks, lists, accesses, names, symbols, jobs, workers } = session;
  const downloads = createDownloads();
  return {
    summary: async (parameters, signal) => {
      knownStream(session, parameters);
      const window = windowFrom(parameters);
      const simulatesAny =
        parameters.has('caches') && parameters.oneOf('caches', ['any']) === 'any';
      parameters.finish();
      const reply = await jobs.run('summary', signal, async (onProgress) =>
        withRoom(chunks, async () =>
          summarize(session, window, { workers, signal, onProgress, simulatesAny }),
        ),
      );
      return json(reply);
    },

    command: async (parameters) => {
      knownStream(session, parameters);
      const window = windowFrom(parameters);
      const verb = parameters.oneOf('verb', VERBS);
      parameters.finish();
      const reply: CommandReply = { command: windowCommand(session, verb, window) };
      return json(reply);
    },

    accesses: async (parameters, signal) => {
      knownStream(session, parameters);
      const window = windowFrom(parameters);
      const offset = parameters.whole('offset', ORDINAL);
      const count = parameters.whole('count', COUNT);
      parameters.finish();
      if (window.addresses?.space === 'physical') axisOf(session, 'physical');
      const part = await lists.part(window, offset, count, signal);
      const codeOf = (block: number, insn: number) => rowCodeOf(block, insn, names, symbols);
      const found = await accesses.read(window.stream, part.ordinals, part.ahead, signal);
      const reply: AccessesReply = {
        rows: found.map((access) => rowOf(access, codeOf)),
        total: part.total,
        counted: part.counted,
      };
      return json(reply);
    },

    csv: async (parameters, signal) => {
      knownStream(session, parameters);
      const window = windowFrom(parameters);
      parameters.finish();
      if (window.addresses?.space === 'physical') axisOf(session, 'physical');
      return { pieces: downloads.run(csvOf(session, window, signal)), type: CSV_TYPE };
    },
  };
}
