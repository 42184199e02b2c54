// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ExitCode, UserError } from '../base/index.ts';
import { assembleText, parseBytes } from './assemble.ts';

async function failureOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UserError) return error;
  throw new Error('it did not fail as expected', { cause: error });
}

describe('parseBytes', () => {
  it.each(['480fc70f', '48 0F c7 0f', '0x48,0x0f,0xc7,0x0f'])('reads %s', (text) => {
    expect([...parseBytes(text)]).toEqual([0x48, 0x0f, 0xc7, 0x0f]);
  });

  it.each(['', '4', '48g0', '90'.repeat(16)])('refuses "%s"', (text) => {
    expect(() => parseBytes(text)).toThrow('two hexadecimal digits');
  });
});

describe('assembleText', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('assembles for a mode and an address', async () => {
    const hex = async (text: string, bits: 16 | 32 | 64): Promise<string> =>
      Buffer.from(await assembleText(text, bits, 0x102000n)).toString('hex');
    expect(await hex('lock cmpxchg16b [rdi]', 64)).toBe('f0480fc70f');
    expect(await hex('mov [bx], ax', 16)).toBe('8907');
    expect(await hex('jmp $+2', 32)).toBe('eb00');
  });

  it("passes on nasm's words", async () => {
    const failure = await failureOf(assembleText('movv eax, 1', 64, 0n));
    expect(failure.exitCode).toBe(ExitCode.usage);
    expect(failure.message).toMatch(/^nasm does not assemble "movv eax, 1": error: /);
    expect(failure.message).not.toContain('/');
  });

  it.each(['foo', 'foo:', 'x equ 5'])(
    'does not take "%s", which nasm makes nothing of',
    async (text) => {
      expect((await failureOf(assembleText(text, 64, 0n))).message).toBe(
        `"${text}" is not an instruction`,
      );
    },
  );

  it.each(['int 0x200', 'mov al, 0x1ff', 'out 0x180, al'])(
    'does not cut the number of "%s"',
    async (text) => {
      const { message } = await failureOf(assembleText(text, 64, 0n));
      expect(message).toMatch(/^nasm does not assemble ".*": error: byte data exceeds bounds$/);
    },
  );

  it.each([
    ['mov al, -1', 'b0ff'],
    ['add rax, -0x80000000', '480500000080'],
    ['mov al, [rdi - 0x80000000]', '8a8700000080'],
    ['mov rax, 0x7fffffffffffffff', '48b8ffffffffffffff7f'],
    ['mov eax, [0xffffffff80000000]', '8b042500000080'],
  ])('takes what fits: %s', async (text, hex) => {
    expect(Buffer.from(await assembleText(text, 64, 0n)).toString('hex')).toBe(hex);
  });

  it('takes neither several lines nor directives', async () => {
    for (const text of ['nop\nnop', '%include "x"', '[bits 16]', '']) {
      expect((await failureOf(assembleText(text, 64, 0n))).exitCode).toBe(ExitCode.usage);
    }
  });

  it('says what to do without nasm', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const failure = await failureOf(assembleText('nop', 64, 0n));
    expect(failure.exitCode).toBe(ExitCode.environment);
    expect(failure.remedy).toContain('--bytes');
  });
});
