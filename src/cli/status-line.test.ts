// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliContext } from './command-spec.ts';
import { drawBar, statusLine } from './status-line.ts';

let said = '';
const context = (stderrIsTerminal: boolean): CliContext => ({
  ...{ env: {}, program: 'loadstore', mallocSettings: {} },
  stdoutIsTerminal: false,
  stderrIsTerminal,
  writeOut: () => Promise.resolve(),
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
  it('is silent for the first second and where there is no terminal', () => {
    const line = statusLine(context(true));
    line.show('early');
    line.clear();
    const elsewhere = statusLine(context(false));
    vi.advanceTimersByTime(5000);
    elsewhere.show('to a file');
    elsewhere.clear();
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
});

describe('drawBar', () => {
  it.each([
    [0, '[........................] 0 %  x'],
    [0.5, '[############............] 50 %  x'],
    [1.5, '[########################] 100 %  x'],
  ])('%f', (part, expected) => {
    expect(drawBar(part, 'x')).toBe(expected);
  });
});
