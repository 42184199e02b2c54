// SPDX-License-Identifier: Apache-2.0
// For tests of what a guest's source cannot declare: a run of it, and what it did between two of its MARKs.

import { requireDefined } from '../../src/base/index.ts';
import { requirePluginFile } from '../../src/capture/index.ts';
import {
  expectationOf,
  type Happening,
  lineWriterFor,
  parseGuest,
} from '../../src/conformance/index.ts';
import {
  type Access,
  type GuestRequest,
  type GuestRun,
  openGuest,
  recordGuest,
} from '../../src/guests/index.ts';
import { qemuUnderTest } from './run-loadstore.ts';

export type GuestOptions = Pick<GuestRequest, 'auditMemory' | 'fault'>;

/** On the QEMU under test, as its source says for a run of that name. Throws when it did not pass. */
export async function recordGuestNamed(
  name: string,
  machineName = '',
  options: GuestOptions = {},
): Promise<GuestRun> {
  const guest = openGuest(name);
  const machine = guest.machines.find((each) => each.name === machineName);
  const run = await recordGuest({
    guest,
    machine: requireDefined(machine, `a run "${machineName}" of ${name}`),
    qemu: await qemuUnderTest(),
    pluginFile: requirePluginFile(process.env['LOADSTORE_PLUGIN']),
    ...options,
  });
  if (run.problem === undefined) return run;
  await run.close();
  throw new Error(`guest ${name}: ${run.problem}`);
}

export function addressOf({ guest }: GuestRun, symbol: string): bigint {
  return requireDefined(guest.symbols.get(symbol), `symbol ${symbol}`);
}

export interface Section {
  readonly begin: Access;
  readonly end: Access;
  /** The accesses between the two marks. */
  readonly inside: readonly Access[];
}

/** Between MARK `mark` and the next one. */
export function sectionOf(run: GuestRun, mark: number): Section {
  const begin = findMark(run, mark);
  const end = findMark(run, mark + 1);
  const inside = run.accesses.slice(run.accesses.indexOf(begin) + 1, run.accesses.indexOf(end));
  return { begin, end, inside };
}

function findMark(run: GuestRun, mark: number): Access {
  const vaddr = addressOf(run, 'MARKS') + BigInt(mark);
  const [found, ...others] = run.accesses.filter(
    (access) => access.vaddr === vaddr && access.store,
  );
  if (found === undefined || others.length > 0) {
    throw new Error(`mark ${mark} is ${others.length + (found === undefined ? 0 : 1)} times there`);
  }
  return found;
}

export function isOfInstruction({ origin }: Access): boolean {
  return origin === 'instruction';
}

/** Accesses as text, counting instructions from `firstIcount` on; `instructions` is the last line. */
export function accessLines(
  run: GuestRun,
  accesses: readonly Access[],
  firstIcount: number,
  instructions: number,
): string[] {
  const happenings = accesses.map(
    (access): Happening => ({
      kind: 'access',
      access: { ...access, icount: access.icount - firstIcount },
      line: undefined,
      hole: undefined,
    }),
  );
  return lineWriterFor(run.guest, run.trace.capabilities).lines(
    happenings,
    new Set(),
    instructions,
  );
}

/** What statements (docs/conformance.md) say, as such text. */
export function declaredLines(run: GuestRun, statements: readonly string[]): string[] {
  const texts = ['CASE declared, "", load', ...statements.map((each) => `;= ${each}`), 'ENDCASE'];
  const lines = texts.map((text, i) => ({ file: 'test', number: i, text, label: undefined }));
  const guest = { ...run.guest, lines: [...lines, ...run.guest.lines] };
  const source = parseGuest(guest);
  const [declared] = source.cases;
  const { happenings, unordered, instructions } = expectationOf(
    guest,
    source,
    requireDefined(declared, 'the case above'),
    { version: run.qemu.version, thread: 'single' },
  );
  return lineWriterFor(run.guest, run.trace.capabilities).lines(
    happenings,
    unordered,
    instructions,
  );
}
