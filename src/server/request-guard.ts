// SPDX-License-Identifier: Apache-2.0
// Who may ask: only a page that this server handed out, on this machine. A page of another site can make a browser
// send requests here; it does not know the token, and its name in Host or Origin gives it away.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Refusal } from './refusal.ts';

/** What of a request is looked at before anything else. */
export interface RequestHead {
  readonly method: string | undefined;
  /** As it came: nothing is decoded. */
  readonly url: string | undefined;
  /** All values of each header. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export interface Guard {
  readonly port: number;
  readonly token: string;
}

export interface Admitted {
  /** Behind the token, without the first slash; '' for the page. Not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const TOKEN_BYTES = 32;
/** A statement in SQL has to fit. */
const URL_LIMIT = 8192;

/** 256 bits, as a segment of a path. */
export function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** Throws Refusal. */
export function admit({ method, url = '', headers }: RequestHead, guard: Guard): Admitted {
  const hosts = [`127.0.0.1:${guard.port}`, `localhost:${guard.port}`];
  const host = onlyOne(headers['host']);
  if (host === undefined || !hosts.includes(host)) {
    throw new Refusal('forbidden', `this server answers at ${hosts[0]} only`);
  }
  const origins = headers['origin'];
  if (origins !== undefined && onlyOne(origins) !== `http://${host}`) {
    throw new Refusal('forbidden', 'this server answers its own page only');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    throw new Refusal('bad-method', 'nothing can be changed here: GET and HEAD only');
  }
  if (url.length > URL_LIMIT) {
    throw new Refusal('too-long', `the address is longer than ${URL_LIMIT} characters`);
  }
  const [, segment = '', path, query = ''] =
    /^\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url) ?? [];
  if (!isToken(segment, guard.token)) {
    throw new Refusal(
      'forbidden',
      'this address lacks the token, or has that of another run; open the address that "loadstore view" printed',
    );
  }
  if (path === undefined) throw new Refusal('not-found', 'a slash is missing behind the token');
  return { path: path.slice(1), query: new URLSearchParams(query) };
}

function onlyOne(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined;
}

/** Takes the same time wherever they differ: what is compared are digests. */
function isToken(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
