// SPDX-License-Identifier: Apache-2.0
// Files over real HTTP that are made while they are sent.

import { type IncomingMessage, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { createDownloads } from './downloads.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import { makeToken } from './request-guard.ts';

const TOKEN = makeToken();
const PIECE = 'x'.repeat(2 ** 15);

let server: HttpServer;
let made: number;
let ended: number;
const bugs: unknown[] = [];

/** `last`: pieces before the end, or before it is broken. */
async function* pieces(last: number, error?: Error): AsyncGenerator<string, void, undefined> {
  try {
    for (let at = 0; at < last; at++) {
      made++;
      yield PIECE;
      await wait(0);
    }
    if (error !== undefined) throw error;
  } finally {
    ended++;
  }
}

beforeEach(async () => {
  [made, ended, bugs.length] = [0, 0, 0];
  const downloads = createDownloads();
  const damage = new TraceError('checksum', 'a chunk is damaged', { file: 'a.memtrace' });
  const endpointOf = (last: number, error?: Error) => async () => ({
    pieces: downloads.run(pieces(last, error)),
    type: 'text/csv',
  });
  server = await startHttpServer({
    ...{ token: TOKEN, port: 0, page: new Map(), onBug: (error) => bugs.push(error) },
    endpoints: new Map([
      ['endless', endpointOf(Infinity)],
      ['short', endpointOf(3)],
      ['refused', endpointOf(0, damage)],
      ['broken', endpointOf(3, damage)],
      ['bug', endpointOf(3, new Error('a bug'))],
    ]),
  });
});
afterEach(async () => server.close());

/** Answered, and not read. */
async function start(name: string, method = 'GET'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const path = `/${TOKEN}/api/${name}`;
    const sent = request({ host: '127.0.0.1', port: server.port, path, method }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) text += String(part);
  return text;
}

describe('a file', () => {
  it('comes whole, to be saved, and of HEAD its head alone', async () => {
    const response = await start('short');
    expect(response.headers).toMatchObject({
      'content-disposition': 'attachment',
      'content-type': 'text/csv',
      'cache-control': 'no-store',
    });
    expect(await textOf(response)).toBe(PIECE.repeat(3));
    const head = await start('endless', 'HEAD');
    expect([head.statusCode, await textOf(head)]).toEqual([200, '']);
    expect(ended).toBe(2);
  });

  it('is made no faster than it is read, and no longer when nobody does', async () => {
    const response = await start('endless');
    await expect
      .poll(async () => {
        const before = made;
        await wait(100);
        return made - before;
      })
      .toBe(0);
    expect(made * PIECE.length).toBeLessThan(2 ** 25);
    response.destroy();
    await expect.poll(() => ended).toBe(1);
    expect(bugs).toEqual([]);
  });

  it('is one of two at a time', async () => {
    const [one, two] = [await start('endless'), await start('endless')];
    const third = await start('short');
    expect(third.statusCode).toBe(503);
    expect(await textOf(third)).toContain('"busy"');
    one.destroy();
    two.destroy();
    await expect.poll(async () => (await start('short', 'HEAD')).statusCode).toBe(200);
  });

  it('that cannot be begun is refused in words, and one that breaks off is not taken for whole', async () => {
    const refused = await start('refused');
    expect(refused.statusCode).toBe(422);
    expect(await textOf(refused)).toContain('a chunk is damaged');
    await expect(textOf(await start('broken'))).rejects.toThrow('aborted');
    expect(bugs).toEqual([]);
    await expect(textOf(await start('bug'))).rejects.toThrow('aborted');
    expect(bugs).toEqual([new Error('a bug')]);
  });
});
