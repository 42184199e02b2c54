// SPDX-License-Identifier: Apache-2.0
// Requests that nobody but an attacker makes are refused, and the page's own are not.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from './refusal.ts';
import { admit, makeToken, type RequestHead } from './request-guard.ts';

const TOKEN = makeToken();
const guard = { port: 4000, token: TOKEN };

function head(url: string, more: Partial<RequestHead> = {}): RequestHead {
  return { method: 'GET', url, headers: { host: ['127.0.0.1:4000'] }, ...more };
}

function refusalOf(request: RequestHead): string {
  try {
    admit(request, guard);
  } catch (error) {
    if (error instanceof Refusal) return error.body.error;
    throw error;
  }
  return 'admitted';
}

describe('a token', () => {
  it('has 256 bits and is another one each time', () => {
    expect(TOKEN).toMatch(/^[\w-]{43}$/);
    expect(makeToken()).not.toBe(TOKEN);
  });
});

describe('admitted', () => {
  it('are the page, its files and its questions', () => {
    expect(admit(head(`/${TOKEN}/`), guard).path).toBe('');
    expect(admit(head(`/${TOKEN}/assets/a.js`), guard).path).toBe('assets/a.js');
    const { path, query } = admit(head(`/${TOKEN}/api/find?q=%23%2012&stream=0`), guard);
    expect(path).toBe('api/find');
    expect([...query]).toEqual([
      ['q', '# 12'],
      ['stream', '0'],
    ]);
  });

  it.each([
    ['localhost', { host: ['localhost:4000'] }],
    ['its own origin', { host: ['127.0.0.1:4000'], origin: ['http://127.0.0.1:4000'] }],
    ['localhost as origin', { host: ['localhost:4000'], origin: ['http://localhost:4000'] }],
  ])('is %s', (_what, headers) => {
    expect(refusalOf(head(`/${TOKEN}/`, { headers }))).toBe('admitted');
  });

  it('is HEAD', () => {
    expect(refusalOf(head(`/${TOKEN}/`, { method: 'HEAD' }))).toBe('admitted');
  });
});

describe('refused', () => {
  it.each([
    ['another host', { host: ['example.com:4000'] }],
    ['another host that is bound to this address', { host: ['127.0.0.1.example.com:4000'] }],
    ['another port', { host: ['127.0.0.1:4001'] }],
    ['a host without a port', { host: ['127.0.0.1'] }],
    ['no host', {}],
    ['two hosts', { host: ['127.0.0.1:4000', 'example.com'] }],
    ['another origin', { host: ['127.0.0.1:4000'], origin: ['http://example.com'] }],
    ['an opaque origin', { host: ['127.0.0.1:4000'], origin: ['null'] }],
    [
      'the origin by its other name',
      { host: ['127.0.0.1:4000'], origin: ['http://localhost:4000'] },
    ],
    ['an origin with TLS', { host: ['127.0.0.1:4000'], origin: ['https://127.0.0.1:4000'] }],
    [
      'two origins',
      { host: ['127.0.0.1:4000'], origin: ['http://127.0.0.1:4000', 'http://example.com'] },
    ],
  ])('is %s, with the right token', (_what, headers) => {
    expect(refusalOf(head(`/${TOKEN}/`, { headers }))).toBe('forbidden');
  });

  it.each([
    ['no token', '/'],
    ['no token before a question', '/api/trace'],
    ['another token', `/${makeToken()}/`],
    ['a part of the token', `/${TOKEN.slice(0, -1)}/`],
    ['more than the token', `/${TOKEN}x/`],
    ['the token in other letters', `/${swapCase(TOKEN)}/`],
    ['the token, encoded', `/%${TOKEN.charCodeAt(0).toString(16)}${TOKEN.slice(1)}/`],
    ['the token as second segment', `//${TOKEN}/`],
    ['the token behind dots', `/./${TOKEN}/`],
    ['the token as a parameter', `/?token=${TOKEN}`],
    ['an absolute URL', `http://127.0.0.1:4000/${TOKEN}/`],
    ['a backslash', `\\${TOKEN}\\`],
    ['nothing', ''],
  ])('is %s', (_what, url) => {
    expect(refusalOf(head(url))).toBe('forbidden');
  });

  it('is every method that could change something', () => {
    for (const method of [
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'CONNECT',
      'get',
      undefined,
    ]) {
      expect(refusalOf(head(`/${TOKEN}/`, { method }))).toBe('bad-method');
    }
  });

  it('is an address that is too long', () => {
    expect(refusalOf(head(`/${TOKEN}/api/sql?q=${'x'.repeat(8192)}`))).toBe('too-long');
  });

  it('is the token without the slash that relative addresses of the page need', () => {
    expect(refusalOf(head(`/${TOKEN}`))).toBe('not-found');
  });

  it('is whatever does not begin with the token', () => {
    const url = fc.string({ maxLength: 60 });
    fc.assert(
      fc.property(url, (text) => {
        expect(['forbidden', 'too-long']).toContain(refusalOf(head(`/${text}`)));
      }),
    );
  });
});

function swapCase(text: string): string {
  return text
    .split('')
    .map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase()))
    .join('');
}
