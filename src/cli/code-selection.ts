// SPDX-License-Identifier: Apache-2.0
// Instructions by the function they belong to: what --function and --no-idle choose.

import type { TraceShape } from '../analysis/index.ts';
import { formatQuantity, TraceError } from '../base/index.ts';
import type { CodeNames } from '../query/index.ts';

/**
 * Where a Linux kernel waits for work: the loop itself and what it halts or polls in (kernel/sched/idle.c,
 * drivers/cpuidle, arch/x86/kernel/process.c). What an interrupt does meanwhile has functions of its own.
 */
const IDLE_FUNCTIONS =
  /^(do_idle|cpu_idle_loop|cpu_startup_entry|default_idle|default_idle_call|arch_cpu_idle|amd_e400_idle|mwait_idle|cpu_idle_poll|native_safe_halt|native_halt|pv_native_safe_halt|pv_native_halt|cpuidle_\w+|call_cpuidle\w*|(acpi|intel|haltpoll|poll)_idle\w*|acpi_(safe_halt|processor_ffh_cstate_enter))(\.\w+)*$/;

const HLT = 0xf4;
const MODE_CPL = 3;

/** 1 for each instruction of functions that the pattern names. Throws 'bad-argument' when there are none. */
export function selectFunctions(
  shape: TraceShape,
  names: CodeNames,
  pattern: string,
): Uint8Array<ArrayBuffer> {
  if (!names.hasSymbols) {
    throw new TraceError('bad-argument', '--function needs symbols, and there are none', {
      found: pattern,
      remedy: '--symbols FILE, with the System.map, vmlinux or kallsyms of the kernel that ran',
    });
  }
  const wanted = globPattern(pattern);
  const seen = new Map<string, boolean>();
  const { code, matched } = markInsns(shape, (block, insn) => {
    const name = names.functionOf(block, insn);
    if (name === undefined) return false;
    const known = seen.get(name) ?? wanted.test(name);
    seen.set(name, known);
    return known;
  });
  if (matched > 0) return code;
  throw new TraceError('bad-argument', 'no function that ran has such a name', {
    expected: describeNear(pattern, [...seen.keys()]),
    found: pattern,
    remedy:
      'a pattern with * and ?, such as "*copy*"; "loadstore hot FILE" lists functions that ran',
  });
}

/** Of the instructions that are wanted (undefined: all), those that are not the guest's idle loop. */
export function withoutIdle(
  shape: TraceShape,
  names: CodeNames,
  wanted: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const { code } = markInsns(shape, names.hasSymbols ? byName(names) : byHalt(shape));
  for (let insn = 0; insn < code.length; insn++) {
    const isIdle = code[insn] === 1;
    code[insn] = isIdle || wanted?.[insn] === 0 ? 0 : 1;
  }
  return code;
}

type InsnTest = (block: number, insn: number) => boolean;

function byName(names: CodeNames): InsnTest {
  return (block, insn) => IDLE_FUNCTIONS.test(names.functionOf(block, insn) ?? '');
}

/** Without symbols: kernel code that ends in hlt, and what follows it, where the wait goes on. */
function byHalt({ code, blockCount }: TraceShape): InsnTest {
  const idle = new Set<bigint>();
  const isKernel = (block: number): boolean => ((code.mode(block) ?? 0) & MODE_CPL) === 0;
  for (let block = 0; block < blockCount; block++) {
    const bytes = code.bytes(block);
    const lastAt = code.insnOffsets(block).at(-1);
    if (lastAt === undefined || !isKernel(block) || bytes[lastAt] !== HLT) continue;
    if (bytes.length !== lastAt + 1) continue;
    idle.add(code.vaddr(block));
    idle.add(code.vaddr(block) + BigInt(bytes.length));
  }
  return (block) => isKernel(block) && idle.has(code.vaddr(block));
}

function markInsns(
  { blockCount, insnBase }: TraceShape,
  isMarked: InsnTest,
): { readonly code: Uint8Array<ArrayBuffer>; readonly matched: number } {
  const code = new Uint8Array(insnBase[blockCount] ?? 0);
  let matched = 0;
  for (let block = 0; block < blockCount; block++) {
    const begin = insnBase[block] ?? 0;
    const end = insnBase[block + 1] ?? 0;
    for (let at = begin; at < end; at++) {
      if (!isMarked(block, at - begin)) continue;
      code[at] = 1;
      matched++;
    }
  }
  return { code, matched };
}

/** "*" any characters, "?" one; everything else stands for itself. */
function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

const SHOWN_NAMES = 5;

function describeNear(pattern: string, names: readonly string[]): string {
  const letters = pattern.replace(/[*?]/g, '').toLowerCase();
  const near = names.filter((name) => letters !== '' && name.toLowerCase().includes(letters));
  if (near.length === 0) return `one of ${formatQuantity(names.length, 'function')} that ran`;
  const more = near.length - SHOWN_NAMES;
  return `such as ${near.slice(0, SHOWN_NAMES).join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
