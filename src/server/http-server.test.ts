// SPDX-License-Identifier: Apache-2.0
// The server over real HTTP, with endpoints that are made up.

import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { TraceError, UserError } from '../base/index.ts';
import { type Endpoint, type HttpServer, startHttpServer } from './http-server.ts';
import { makeToken } from './request-guard.ts';

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const TOKEN = makeToken();
const PAGE = new Map([
  ['index.html', { type: 'text/html; charset=utf-8', bytes: Buffer.from('<!doctype html>page') }],
  ['assets/a.js', { type: 'text/javascript; charset=utf-8', bytes: Buffer.from('1') }],
]);

let server: HttpServer | undefined;
const bugs: unknown[] = [];

async function start(
  endpoints: Readonly<Record<string, Endpoint>> = {},
  port = 0,
): Promise<HttpServer> {
  server = await startHttpServer({
    ...{ token: TOKEN, port, page: PAGE, onBug: (error) => bugs.push(error) },
    endpoints: new Map(Object.entries(endpoints)),
  });
  return server;
}

afterEach(async () => {
  await server?.close();
  server = undefined;
  bugs.length = 0;
});

/** Paths go out as they are: fetch() would tidy them up. */
async function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

function errorOf({ body }: Reply): unknown {
  const { error } = JSON.parse(body) as { error?: unknown };
  return error;
}

describe('the page', () => {
  it('is handed out with the headers that keep it to itself', async () => {
    const { port } = await start();
    const { status, headers, body } = await ask(port, `/${TOKEN}/`);
    expect(status).toBe(200);
    expect(body).toBe('<!doctype html>page');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    '/../../../../etc/passwd',
    '/..%2f..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/package.json',
    '/assets/../index.html',
    '/assets/..%5c..%5cpackage.json',
    '//etc/passwd',
    '/index.html%00.js',
    '/api/../index.html',
    '/api/constructor',
    '/__proto__',
  ])('has no file %s', async (path) => {
    const { port } = await start({ trace: async () => ({ json: {} }) });
    const { status, body, headers } = await ask(port, `/${TOKEN}${path}`);
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ error: 'not-found' });
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('is not there for other hosts, other origins and without the token', async () => {
    const { port } = await start();
    const path = `/${TOKEN}/assets/a.js`;
    expect((await ask(port, path)).status).toBe(200);
    expect((await ask(port, path, { host: `localhost:${port}` })).status).toBe(200);
    expect((await ask(port, path, { host: 'example.com' })).status).toBe(403);
    expect((await ask(port, path, { origin: 'http://example.com' })).status).toBe(403);
    expect((await ask(port, '/assets/a.js')).status).toBe(403);
    expect((await ask(port, path, {}, 'POST')).status).toBe(405);
    const headOnly = await ask(port, path, {}, 'HEAD');
    expect([headOnly.status, headOnly.body, headOnly.headers['content-length']]).toEqual([
      200,
      '',
      '1',
    ]);
  });

  it('is not there at other addresses of this machine', async () => {
    const { port } = await start();
    // The whole of 127.0.0.0/8 is this machine.
    const reached = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.2', port });
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    expect(reached).toBe(false);
  });
});

describe('a question', () => {
  it('is answered with JSON or bytes', async () => {
    const { port } = await start({
      json: async (parameters) => ({ json: { n: parameters.whole('n', { least: 0, most: 9 }) } }),
      bytes: async () => ({ bytes: Uint8Array.of(65, 66) }),
    });
    const reply = await ask(port, `/${TOKEN}/api/json?n=7`);
    expect([reply.status, reply.body, reply.headers['content-type']]).toEqual([
      ...[200, '{"n":7}', 'application/json; charset=utf-8'],
    ]);
    expect((await ask(port, `/${TOKEN}/api/bytes`)).body).toBe('AB');
    const refused = await ask(port, `/${TOKEN}/api/json?n=10`);
    expect([refused.status, errorOf(refused)]).toEqual([400, 'bad-request']);
  });

  it('that meets damage says where; the rest goes on', async () => {
    const { port } = await start({
      broken: async () => {
        throw new TraceError('checksum', 'a chunk is damaged', {
          file: 'a.memtrace',
          fileOffset: 16,
        });
      },
      fine: async () => ({ json: 1 }),
    });
    const reply = await ask(port, `/${TOKEN}/api/broken`);
    expect(reply.status).toBe(422);
    expect(JSON.parse(reply.body)).toEqual({
      error: 'damaged',
      message: 'a.memtrace at byte 0x10: a chunk is damaged',
    });
    expect((await ask(port, `/${TOKEN}/api/fine`)).status).toBe(200);
    expect(bugs).toEqual([]);
  });

  it('that meets a bug tells the page nothing of it, and the terminal all', async () => {
    const bug = new Error('/home/someone/secret');
    const { port } = await start({
      broken: async () => {
        throw bug;
      },
    });
    const reply = await ask(port, `/${TOKEN}/api/broken`);
    expect([reply.status, errorOf(reply)]).toEqual([500, 'internal']);
    expect(reply.body).not.toContain('secret');
    expect(bugs).toEqual([bug]);
  });

  it('is given up when who asked goes away, and when the server closes', async () => {
    const aborted: string[] = [];
    let begun = (): void => undefined;
    const slow: Endpoint = async (_parameters, signal) => {
      begun();
      await wait(60_000, undefined, { signal }).catch(() => aborted.push('yes'));
      signal.throwIfAborted();
      return { json: 0 };
    };
    const started = await start({ slow });
    const { port } = started;
    for (const leave of ['client', 'server'] as const) {
      const running = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const client = request({ host: '127.0.0.1', port, path: `/${TOKEN}/api/slow` });
      client.on('error', () => undefined);
      client.end();
      await running;
      if (leave === 'client') client.destroy();
      else await started.close();
      await expect.poll(() => aborted).toEqual(leave === 'client' ? ['yes'] : ['yes', 'yes']);
    }
    expect(bugs).toEqual([]);
  });
});

describe('a port', () => {
  it('that another program uses is refused in words', async () => {
    const { port } = await start();
    const second = startHttpServer({
      ...{ token: TOKEN, port, page: PAGE, endpoints: new Map(), onBug: () => undefined },
    });
    await expect(second).rejects.toThrow(UserError);
    await expect(second).rejects.toThrow(`port ${port}: another program uses it`);
  });
});
