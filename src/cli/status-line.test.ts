// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliContext } from './command-spec.ts';
import { statusLine } from './status-line.ts';

let said = '';
const context = (stderrIsTerminal: boolean): CliContext => ({
  ...{ env: {}, program: 'loadstore', mallocSettings: {} },
  stdoutIsTerminal: false,
  stderrIsTerminal,
  writeOut: () => Promise.resolve(),
  writeBytes: () => Promise.resolve(),
  writeErr: (text) => {
    said += text;
  },
});

beforeEach(() => {
  said = '';
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('statusLine', () => {
  it('is silent for the first second', () => {
    const line = statusLine(context(true));
    line.show('early');
    vi.advanceTimersByTime(999);
    line.show('still early');
    line.clear();
    expect(said).toBe('');
  });

  it('draws over itself, not too often, and is gone at the end', () => {
    const line = statusLine(context(true));
    vi.advanceTimersByTime(1000);
    line.show('one');
    line.show('too soon');
    vi.advanceTimersByTime(200);
    line.show('two');
    line.clear();
    line.clear();
    expect(said).toBe('\r\u001B[Kone\r\u001B[Ktwo\r\u001B[K');
  });

  it('is a whole line every ten seconds where there is no terminal, and nothing for short work', () => {
    const line = statusLine(context(false));
    for (let second = 0; second <= 25; second++) {
      line.showPart(second / 100, 'reading');
      vi.advanceTimersByTime(1000);
    }
    line.show('not yet');
    vi.advanceTimersByTime(5000);
    line.show('recording  5 M accesses');
    line.clear();
    expect(said).toBe(
      'loadstore: 10 %  reading\nloadstore: 20 %  reading\nloadstore: recording  5 M accesses\n',
    );
  });

  it('says nothing that is not wanted', () => {
    for (const isTerminal of [true, false]) {
      const line = statusLine(context(isTerminal), false);
      vi.advanceTimersByTime(60_000);
      line.show('at all');
      line.clear();
    }
    expect(said).toBe('');
  });

  it.each([
    [0, '[........................] 0 %  x'],
    [0.5, '[############............] 50 %  x'],
    [1.5, '[########################] 100 %  x'],
  ])('draws %f of the work as a bar', (part, expected) => {
    const line = statusLine(context(true));
    vi.advanceTimersByTime(1000);
    line.showPart(part, 'x');
    expect(said).toBe(`\r\u001B[K${expected}`);
  });
});
