// SPDX-License-Identifier: Apache-2.0
import { ExitCode, UserError } from '../../base/index.ts';
import { chooseQemu, requirePluginFile } from '../../capture/index.ts';
import { type CodeBits, explainInstruction, parseBytes } from '../../explain/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findText,
  findTexts,
  isOn,
  JSON_OPTION,
  printResult,
  QEMU_OPTION,
  wordAt,
} from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { qemuSearchFrom } from '../qemu-search.ts';
import { renderExplain } from '../render/explain.ts';

export const explainCommand: CommandSpec = {
  details: `Runs the instruction in a bare micro-guest at CPL 0: once by QEMU alone, which logs the TCG operations that
it makes, and once recorded. Beside them stands what the manual prescribes, and the verdict: complete;
complete-reconstructed, where the recorder worked out what no callback reports; more, where QEMU accesses what the
manual does not prescribe; less, where it leaves some out; incomplete; faulted; not-recorded. Each register points at zeroed memory of its own;
vector registers are all ones, so that as masks they select everything, and the indices of a gather 0, 1, 2 ...
0x1f0000 is a read-only page, 0x1f1000 is absent, 0x1f2000 is neither accessed nor dirty, 0xfee00000 is the
local APIC (32- and 64-bit code; real mode has no paging).`,
  options: [
    { flags: '--bytes <HEX>', description: 'its bytes instead, for which nasm is not needed' },
    { flags: '--mode <BITS>', description: '16 (real mode), 32 or 64 (default)' },
    {
      flags: '--set <REGISTER=NUMBER>',
      description:
        'what a register, "flags" or each word of "memory" holds before; a vector register may be given by its elements, the lowest first: ymm2=-1,0,0,-1; repeatable',
      repeatable: true,
    },
    {
      flags: '--parallel',
      description: 'with two vCPUs that run at the same time: LOCK is another matter then',
    },
    { flags: '--brief', description: 'leave out the operations that do not get at memory' },
    QEMU_OPTION,
    JSON_OPTION,
  ],
  examples: [
    "loadstore explain 'lock cmpxchg16b [rdi]'",
    'loadstore explain --bytes 480fc70f --set rax=0 --set rdx=0',
    "loadstore explain 'xchg [bx], ax' --mode 16",
    "loadstore explain 'mov [rdi], eax' --set rdi=0x1f0000",
    "loadstore explain 'vgatherqpd ymm0, [rdi+ymm1*8], ymm2' --set ymm2=-1,0,0,-1",
  ],
  exitCodes: [
    '0    the trace has what the manual prescribes, and a rule explains what it has besides; also: it faulted, or is not recorded',
    '1    a difference was found: something is not in the trace, or no rule explains what is more',
  ],
  run: runExplain,
};

async function runExplain(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const mode = modeFrom(input);
  const instruction = instructionFrom(input);
  const qemu = await chooseQemu(qemuSearchFrom(input, context));
  const pluginFile = requirePluginFile(context.env['LOADSTORE_PLUGIN']);
  const result = await withAbort(async (signal) =>
    explainInstruction({
      ...{ instruction, mode, qemu, pluginFile, signal },
      settings: findTexts(input, 'set'),
      parallel: isOn(input, 'parallel'),
    }),
  );
  await printResult(context, input, result, (one) => renderExplain(one, isOn(input, 'brief')));
  return result.isDifferent ? ExitCode.negative : ExitCode.ok;
}

function modeFrom(input: CommandInput): CodeBits {
  const word = findText(input, 'mode') ?? '64';
  const mode = ([16, 32, 64] as const).find((bits) => String(bits) === word);
  if (mode !== undefined) return mode;
  throw new UserError(ExitCode.usage, `--mode ${word}: there is no such mode`, '16, 32 or 64');
}

function instructionFrom(
  input: CommandInput,
): { readonly text: string } | { readonly bytes: Uint8Array } {
  const bytes = findText(input, 'bytes');
  const text = wordAt(input, 0);
  if ((bytes === undefined) === (text === '')) {
    throw new UserError(
      ExitCode.usage,
      bytes === undefined ? 'no instruction is given' : 'both an instruction and --bytes are given',
      "one of them: loadstore explain 'mov eax, [rdi]', or loadstore explain --bytes 8b07",
    );
  }
  return bytes === undefined ? { text } : { bytes: parseBytes(bytes) };
}
