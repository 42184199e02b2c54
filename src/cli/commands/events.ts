// SPDX-License-Identifier: Apache-2.0
import { ExitCode, TraceError, u64FromBigint } from '../../base/index.ts';
import { type NoteName, openTrace, type Trace, type TraceNote } from '../../format/index.ts';
import { formatSymbolPlace, type GuestSymbols } from '../../symbols/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  isOn,
  wordAt,
} from '../command-spec.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { withAbort } from '../interrupts.ts';
import { EVENT_HEADLINE, type EventFormat, eventLine } from '../render/events.ts';

/** What --kind takes, and the notes of docs/format.md 3.5 that it stands for. */
const KINDS: Readonly<Record<string, readonly NoteName[]>> = {
  interrupts: ['event'],
  ports: ['port'],
  'address-spaces': ['cr3'],
  mappings: ['map', 'map-unknown', 'unmap', 'attributes'],
  devices: ['region'],
  cuts: ['cut'],
  vcpus: ['vcpu'],
  gaps: ['gap'],
};
const DEFAULT_KINDS = 'interrupts,address-spaces,vcpus,gaps';

export const eventsCommand: CommandSpec = {
  details: `Each event stands before the access with its ordinal, so that it can be found in "loadstore dump". The kinds:
interrupts: interrupts and exceptions with vector, error code and return address, and whether the accesses of their delivery
are in the trace, a snapshot that was loaded, a nested guest that was left; ports: in and out; address-spaces: writes of CR3; mappings: translations as they are first
used, with size and attributes of the page; devices: which guest-physical addresses are whose; cuts: blocks that
were left early, and why; vcpus: another vCPU runs from here on; gaps: recording was paused. With symbols (a trace of
the demo's kernel needs no --symbols) the kernel function that was interrupted is shown. With --json "name" is what SQL's
table events calls its kind (exception, interrupt, software-interrupt, smm-enter ..., in, out, cr3), and an "ip" that is not known
is null.`,
  options: [
    { flags: '--from <N>', description: 'first ordinal; default: 0' },
    { flags: '--count <N>', description: 'at most so many events; default: all' },
    { flags: '--vcpu <N>', description: 'events of this vCPU only' },
    { flags: '--kind <LIST>', description: `which, with commas; default: ${DEFAULT_KINDS}` },
    SYMBOLS_OPTION,
    { flags: '--json', description: 'one JSON object a line' },
  ],
  examples: [
    'loadstore events boot.memtrace --count 20',
    'loadstore events boot.memtrace --kind ports,devices --json | head',
  ],
  run: runEvents,
};

async function runEvents(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const kinds = kindsFrom(findText(input, 'kind') ?? DEFAULT_KINDS);
  const format: EventFormat = isOn(input, 'json') ? 'ndjson' : 'text';
  const selection = {
    from: findCount(input, 'from', '--from') ?? 0,
    count: findCount(input, 'count', '--count') ?? Number.POSITIVE_INFINITY,
    vcpu: findCount(input, 'vcpu', '--vcpu'),
  };
  const trace = await openTrace(wordAt(input, 0));
  try {
    const symbols = await readGuestSymbols(input, context, trace);
    if (format === 'text') await context.writeOut(EVENT_HEADLINE);
    await withAbort(async (signal) =>
      printNotes(trace, { ...selection, kinds, format, symbols, signal }, context),
    );
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    return ExitCode.ok;
  } finally {
    await trace.close();
  }
}

interface Selection {
  readonly from: number;
  readonly count: number;
  readonly vcpu: number | undefined;
  readonly kinds: readonly NoteName[];
  readonly format: EventFormat;
  readonly symbols: GuestSymbols;
  readonly signal: AbortSignal;
}

async function printNotes(trace: Trace, wanted: Selection, context: CliContext): Promise<void> {
  let left = wanted.count;
  let text = '';
  if (left === 0) return;
  for await (const note of trace.notes({ kinds: wanted.kinds, signal: wanted.signal })) {
    if (note.ordinal < wanted.from) continue;
    if (wanted.vcpu !== undefined && note.vcpu !== wanted.vcpu) continue;
    text += eventLine(note, wanted.format, nameInterrupted(note, wanted.symbols));
    if (text.length > 1 << 16) {
      await context.writeOut(text);
      text = '';
    }
    left--;
    if (left === 0) break;
  }
  await context.writeOut(text);
}

/** The kernel function that an interrupt or exception was taken in. */
function nameInterrupted(note: TraceNote, symbols: GuestSymbols): string | undefined {
  if (note.kind !== 'event') return undefined;
  const { lo, hi } = u64FromBigint(note.ip);
  const place = symbols.findKernel(lo, hi, 'code');
  return place === undefined ? undefined : formatSymbolPlace(place);
}

function kindsFrom(list: string): readonly NoteName[] {
  return list.split(',').flatMap((word) => {
    const names = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined;
    if (names !== undefined) return names;
    throw new TraceError('bad-argument', '--kind is not known', {
      expected: Object.keys(KINDS).join(', '),
      found: word,
      remedy: `some of those, with commas: --kind ${DEFAULT_KINDS}`,
    });
  });
}
