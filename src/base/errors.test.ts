// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { describeSystemError, ExitCode, TraceError, UserError, writeFailure } from './errors.ts';

describe('TraceError', () => {
  it('describes place, fact, expected and found in one line', () => {
    const error = new TraceError('checksum', 'checksum differs', {
      file: 'boot.memtrace',
      blockIndex: 12,
      fileOffset: 0x4f000,
      expected: '9c01',
      found: '1100',
    });
    expect(error.describe()).toBe(
      'boot.memtrace: section 12 at byte 0x4f000: checksum differs (expected 9c01, found 1100)',
    );
    expect(error.message).toBe('checksum differs');
  });

  it('says only what it knows', () => {
    expect(new TraceError('io', 'cannot read').describe()).toBe('cannot read');
    expect(new TraceError('truncated', 'ends early', { fileOffset: 16 }).describe()).toBe(
      'at byte 0x10: ends early',
    );
    expect(new TraceError('corrupt', 'bad count', { found: '7' }).describe()).toBe(
      'bad count (found 7)',
    );
  });

  it('takes facts from an outer layer without losing its own', () => {
    const cause = new Error('ENOENT');
    const inner = new TraceError('io', 'cannot open', { cause, remedy: 'look again' });
    const outer = inner.withFacts({ file: 'a.memtrace', remedy: 'not this one' });
    expect(outer.facts).toMatchObject({ file: 'a.memtrace', remedy: 'look again' });
    expect(outer.kind).toBe('io');
    expect(outer.cause).toBe(cause);
    expect(outer.stack).toBe(inner.stack);
    expect(outer).toBeInstanceOf(TraceError);
    expect(inner.facts.file).toBeUndefined();
  });
});

describe('describeSystemError', () => {
  it.each([
    ['ENOENT', 'no such file'],
    ['ENOTDIR', 'no such file'],
    ['EACCES', 'permission denied'],
    ['EISDIR', 'is a folder'],
    ['EEXIST', 'exists'],
    ['ENOSPC', 'no space left on the device'],
  ])('%s -> %s', (code, text) => {
    const error = Object.assign(new Error(`${code}: raw, open 'x'`), { code, syscall: 'open' });
    expect(describeSystemError(error)).toBe(text);
  });

  it('takes the code and the call off what it does not know', () => {
    const error = Object.assign(new Error("EIO: i/o error, read 'x'"), { code: 'EIO' });
    expect(describeSystemError(error)).toBe('i/o error');
    expect(describeSystemError(new Error('oops'))).toBe('oops');
    expect(describeSystemError('text')).toBe('text');
  });
});

describe('UserError', () => {
  it('carries its exit code and what to do', () => {
    const error = new UserError(ExitCode.environment, 'no QEMU here', 'npm run setup');
    expect(error).toMatchObject({ exitCode: 4, remedy: 'npm run setup', name: 'UserError' });
    expect(new UserError(ExitCode.usage, 'no file').remedy).toBeUndefined();
  });

  it('has distinct exit codes', () => {
    const codes = Object.values(ExitCode);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe('writeFailure', () => {
  const failure = (message: string, code?: string, why?: string): UserError =>
    writeFailure('/x/y', Object.assign(new Error(message), { code }), '-o OUT', why);

  it.each([
    ['ENOSPC', 'where there is room'],
    ['EDQUOT', 'where there is room'],
    ['EFBIG', 'where there is room'],
    ['EACCES', 'in a folder that you may write'],
    ['EPERM', 'in a folder that you may write'],
    ['EROFS', 'in a folder that you may write'],
  ])('for %s says: %s', (code, remedy) => {
    const error = failure(`${code}: some words, write`, code);
    expect(error.remedy).toBe(`name an output ${remedy}: -o OUT`);
    expect(error.exitCode).toBe(ExitCode.environment);
    expect(error.message).toMatch(/^cannot write \/x\/y: ./);
  });

  it('knows other words, and what it does not know', () => {
    const words = 'IO Error: Could not write file "/x/y": No space left on device';
    expect(failure(words, undefined, words)).toMatchObject({
      message: `cannot write /x/y: ${words}`,
      remedy: 'name an output where there is room: -o OUT',
    });
    expect(failure('IO Error: Cannot open file: Permission denied').remedy).toContain('may write');
    expect(failure('EIO: i/o error, write', 'EIO')).toMatchObject({
      message: 'cannot write /x/y: i/o error',
      remedy: 'name another output: -o OUT',
    });
  });
});
