// SPDX-License-Identifier: Apache-2.0
// Questions about one access, and those that are asked in words: where something is, what names there are, SQL.

import type { DatabaseNames } from '../store/index.ts';
import { endOfStream } from '../tiles/index.ts';
import { accessDetails } from './access-details.ts';
import { find } from './find.ts';
import { type Endpoints, json } from './http-server.ts';
import { axisOf, knownStream } from './known-parameters.ts';
import { createNames } from './names.ts';
import { findNearest } from './neighbours.ts';
import { type AddressRange, ORDINAL, SPACES } from './parameters.ts';
import type { JobsReply, NeighbourReply } from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { createAskSql } from './sql.ts';

const NAMES = { least: 1, most: 50 };
const SQL_LIMIT = { least: 1, most: 10_000, otherwise: 1000 };
const BYTES = { least: 1, most: 2 ** 40 };
const SQL_LENGTH = 6000;
const WORDS_LENGTH = 1000;
const NEIGHBOUR_PATIENCE_MS = 2000;

export function lookupEndpoints(session: Session, sqlNames: DatabaseNames): Endpoints {
  const { trace, chunks, index, jobs } = session;
  const findNames = createNames(session);
  const askSql = createAskSql(session, sqlNames);
  return {
    access: async (parameters, signal) => {
      const stream = knownStream(session, parameters);
      const ordinal = parameters.whole('ordinal', ORDINAL);
      parameters.finish();
      return json(await accessDetails(session, stream, ordinal, signal));
    },

    neighbour: async (parameters, signal) => {
      const stream = knownStream(session, parameters);
      const ordinal = parameters.whole('ordinal', ORDINAL);
      const space = parameters.oneOf('space', SPACES);
      const low = parameters.findAddress('address');
      const bytes = parameters.whole('bytes', BYTES);
      const isNext = parameters.oneOf('direction', ['next', 'previous']) === 'next';
      parameters.finish();
      if (low === undefined) throw new Refusal('bad-request', 'address is missing');
      if (space === 'physical') axisOf(session, 'physical');
      const range: AddressRange = { space, low, high: low + BigInt(bytes) };
      if (range.high > 2n ** 64n)
        throw new Refusal('bad-request', 'bytes: beyond the last address');
      const end = endOfStream(trace, stream);
      const { ordinals, complete, searched } = await findNearest(
        trace,
        chunks,
        index.find(),
        {
          ...{ stream, direction: isNext ? 'forward' : 'backward', ranges: [range] },
          ...(isNext ? { from: ordinal + 1, to: end } : { from: 0, to: Math.min(end, ordinal) }),
          patienceMs: NEIGHBOUR_PATIENCE_MS,
        },
        signal,
      );
      const reply: NeighbourReply = {
        ordinal: ordinals[0] ?? null,
        complete: complete || typeof ordinals[0] === 'number',
        searched: isNext ? searched - 1 : searched,
      };
      return json(reply);
    },

    find: async (parameters, signal) => {
      const stream = knownStream(session, parameters);
      const words = parameters.text('q', WORDS_LENGTH);
      parameters.finish();
      return json(await find(session, stream, words, signal));
    },

    names: async (parameters) => {
      const words = parameters.text('q', WORDS_LENGTH).trim();
      const limit = parameters.whole('limit', NAMES);
      parameters.finish();
      return json(findNames(words, limit));
    },

    sql: async (parameters, signal) => {
      const text = parameters.text('q', SQL_LENGTH);
      const limit = parameters.whole('limit', SQL_LIMIT);
      parameters.finish();
      return json(await askSql(text, limit, signal));
    },

    jobs: async (parameters) => {
      parameters.finish();
      const reply: JobsReply = { jobs: jobs.jobs() };
      return json(reply);
    },
  };
}
