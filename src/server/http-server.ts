// SPDX-License-Identifier: Apache-2.0
// HTTP on the loopback interface: admits, looks up who answers, sends. Knows nothing of traces.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';
import { PAGE_INDEX, type PageFiles } from './page-files.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { admit } from './request-guard.ts';

/** A file to be saved, which is made while it is sent. */
interface Download {
  readonly pieces: AsyncIterable<string>;
  readonly type: string;
}

/** JSON, bytes as they are, or a file. */
type Answer = { readonly json: unknown } | { readonly bytes: Uint8Array } | Download;

/** The signal is aborted when the client goes away or the server closes. */
export type Endpoint = (parameters: Parameters, signal: AbortSignal) => Promise<Answer>;

/** By name. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

export function json(value: unknown): Answer {
  return { json: value };
}

export interface HttpOptions {
  readonly token: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly page: PageFiles;
  /** By name: "trace" is at /TOKEN/api/trace. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Told of what is thrown that is not a refusal. */
  readonly onBug: (error: unknown) => void;
}

export interface HttpServer {
  readonly port: number;
  /** Ends all requests that are being answered. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const API = 'api/';

/** Of every answer. Styles of elements are set by scripts when the map is drawn, and are not refused. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Throws UserError: 'usage' for a port that is taken or not allowed. */
export async function startHttpServer(options: HttpOptions): Promise<HttpServer> {
  const closing = new AbortController();
  const server = createServer();
  const port = await listen(server, options.port);
  server.on('request', (request, response) => {
    void answer(request, response, { ...options, port }, closing.signal);
  });
  return {
    port,
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(cannotListen(port, error));
    });
    server.listen({ host: HOST, port, exclusive: true }, resolve);
  });
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error('internal: a listening server has no port');
}

function cannotListen(port: number, error: NodeJS.ErrnoException): UserError {
  const why: string =
    error.code === 'EADDRINUSE' ? 'another program uses it' : describeSystemError(error);
  return new UserError(
    ExitCode.usage,
    `port ${port}: ${why}`,
    'another --port, or none for one that is free',
    error,
  );
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
  closing: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  try {
    const { path, query } = admit(
      { method: request.method, url: request.url, headers: request.headersDistinct },
      options,
    );
    if (path.startsWith(API)) {
      const endpoint = options.endpoints.get(path.slice(API.length));
      if (endpoint === undefined) throw new Refusal('not-found', 'there is no such question');
      const signal = AbortSignal.any([gone.signal, closing]);
      const content = await endpoint(parametersOf(query), signal);
      if ('pieces' in content) await sendPieces(response, content, signal, options.onBug);
      else send(response, 200, content);
      return;
    }
    const file = options.page.get(path === '' ? PAGE_INDEX : path);
    if (file === undefined) throw new Refusal('not-found', 'there is no such file');
    sendBytes(response, 200, file.type, file.bytes);
  } catch (error) {
    if (gone.signal.aborted) return; // nobody is there to be told
    let refusal = refusalOf(error);
    if (refusal === undefined && !closing.aborted) options.onBug(error);
    refusal ??= new Refusal('internal', 'this is a bug in loadstore: the terminal has more');
    send(response, refusal.status, { json: refusal.body });
  }
}

/**
 * At the pace of the client. What is thrown before the first piece is left to the caller; later the answer is broken off,
 * which a browser tells of: a file that is not whole must not look as if it were.
 */
async function sendPieces(
  response: ServerResponse,
  { pieces, type }: Download,
  signal: AbortSignal,
  onBug: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (!response.headersSent) {
        response.writeHead(200, {
          ...HEADERS,
          'content-type': type,
          'content-disposition': 'attachment',
        });
      }
      if (response.req.method === 'HEAD') break;
      if (!response.write(piece)) await once(response, 'drain', { signal });
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
    if (!signal.aborted && refusalOf(error) === undefined) onBug(error);
  }
}

function send(response: ServerResponse, status: number, content: Exclude<Answer, Download>): void {
  if ('bytes' in content) {
    sendBytes(response, status, 'application/octet-stream', content.bytes);
    return;
  }
  const text = Buffer.from(JSON.stringify(content.json));
  sendBytes(response, status, 'application/json; charset=utf-8', text);
}

/** Of HEAD, Node.js sends the head alone. */
function sendBytes(
  response: ServerResponse,
  status: number,
  type: string,
  bytes: Uint8Array,
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    ...HEADERS,
    'content-type': type,
    'content-length': bytes.byteLength,
  });
  response.end(bytes);
}
