// SPDX-License-Identifier: Apache-2.0
// Reads the user's QEMU arguments for what a recording must know: accelerator, log options, consoles and
// images. Pure: nothing is opened here.

/** How guest code will be executed. */
export type Acceleration =
  | { readonly kind: 'default' }
  | { readonly kind: 'tcg'; readonly thread: 'single' | 'multi' }
  /** Something that runs guest code without telling plugins. */
  | { readonly kind: 'other'; readonly name: string };

export interface QemuArgumentFacts {
  readonly acceleration: Acceleration;
  /** The argument of `-d`. */
  readonly logItems: string | undefined;
  /** The argument of `-D`. */
  readonly logFile: string | undefined;
  /** The guest's console, monitor or display uses this terminal. */
  readonly usesTerminal: boolean;
  /** QEMU leaves this terminal and runs on by itself. */
  readonly daemonize: boolean;
  /** Kernel, initial file systems, firmware and disks, in order, without repetitions. */
  readonly imageFiles: readonly string[];
}

const IMAGE_OPTIONS = new Set([
  ...['-kernel', '-initrd', '-bios', '-dtb', '-cdrom', '-pflash', '-sd', '-mtdblock'],
  ...['-hda', '-hdb', '-hdc', '-hdd', '-fda', '-fdb'],
]);
const CHARACTER_OPTIONS = new Set([
  ...['-serial', '-parallel', '-monitor', '-chardev', '-qmp', '-qmp-pretty', '-debugcon', '-mon'],
]);
/** Option -> the properties of its argument that name a file. */
const FILE_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  '-drive': ['file'],
  '-blockdev': ['filename', 'file.filename'],
  '-device': ['file', 'romfile'],
  '-acpitable': ['file'],
};

export function inspectQemuArguments(args: readonly string[]): QemuArgumentFacts {
  const accelerators: string[] = [];
  const imageFiles = new Set<string>();
  let thread: 'single' | 'multi' | undefined;
  let hasIcount = false;
  let logItems: string | undefined;
  let logFile: string | undefined;
  let usesTerminal = false;
  let daemonize = false;

  for (const [index, word] of args.entries()) {
    const option = word.replace(/^--(?=[A-Za-z])/, '-');
    const argument = args[index + 1] ?? '';
    if (option === '-accel') {
      const { head, properties } = splitArgument(argument);
      accelerators.push(properties.get('accel') ?? head);
      const threadText = properties.get('thread');
      if (threadText === 'single' || threadText === 'multi') thread = threadText;
    } else if (option === '-machine' || option === '-M') {
      const named = splitArgument(argument).properties.get('accel');
      if (named !== undefined) accelerators.push(...named.split(':'));
    } else if (option === '-enable-kvm') {
      accelerators.push('kvm');
    } else if (option === '-icount') {
      hasIcount = true;
    } else if (option === '-d') {
      logItems = argument;
    } else if (option === '-D') {
      logFile = argument;
    } else if (option === '-daemonize') {
      daemonize = true;
    } else if (option === '-nographic' || option === '-curses') {
      usesTerminal = true;
    } else if (option === '-display') {
      usesTerminal ||= splitArgument(argument).head === 'curses';
    } else if (CHARACTER_OPTIONS.has(option)) {
      usesTerminal ||= /^(?:mon:)?stdio\b/.test(argument);
    } else if (IMAGE_OPTIONS.has(option)) {
      imageFiles.add(argument);
    } else if (option in FILE_PROPERTIES) {
      const { properties } = splitArgument(argument);
      for (const name of FILE_PROPERTIES[option] ?? []) {
        const file = properties.get(name);
        if (file !== undefined) imageFiles.add(file.replace(/^file:/, ''));
      }
    }
  }
  imageFiles.delete('');
  return {
    acceleration: accelerationFrom(accelerators, thread, hasIcount),
    logItems,
    logFile,
    usesTerminal,
    daemonize,
    imageFiles: [...imageFiles],
  };
}

function accelerationFrom(
  accelerators: readonly string[],
  thread: 'single' | 'multi' | undefined,
  hasIcount: boolean,
): Acceleration {
  if (accelerators.length === 0) return { kind: 'default' };
  const other = accelerators.find((name) => name !== 'tcg');
  if (other !== undefined) return { kind: 'other', name: other };
  // QEMU's own choice for x86 guests on x86 hosts is one thread for each vCPU, unless it counts instructions.
  return { kind: 'tcg', thread: thread ?? (hasIcount ? 'single' : 'multi') };
}

/** "pc,accel=kvm:tcg" -> head "pc" and properties; a doubled comma stands for a comma. */
function splitArgument(argument: string): { head: string; properties: Map<string, string> } {
  const parts = argument.replaceAll(',,', '\0').split(',');
  const properties = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals > 0) {
      properties.set(part.slice(0, equals), part.slice(equals + 1).replaceAll('\0', ','));
    }
  }
  return { head: (parts[0] ?? '').replaceAll('\0', ','), properties };
}

/** A value for QEMU's comma-separated options. */
export function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}
