// SPDX-License-Identifier: Apache-2.0
// The references of test/referees/walk.S, computed: what valgrind's lackey prints of it. And cachegrind's rules,
// on lists, in a few lines.

export interface Reference {
  readonly kind: 'I' | 'L' | 'S' | 'M';
  readonly address: number;
  readonly size: number;
}

const TEXT = 0x401000;
const DATA = 0x601000;
const STACK = 0x613000;
const STEPS = 3000;
const FUNCTION_COUNT = 64n;
const MASK_64 = 2n ** 64n - 1n;

const START = [10, 10, 10, 5, 5, ...Array<number>(24).fill(1)];
const LOOP_HEAD = [7, 6, 3, 4, 6];
const LOOP_TAIL = [3, 4, 3, 6, 3, ...Array<number>(13).fill(1)];
const FUNCTIONS = TEXT + 192;

export function* walkReferences(aligned: boolean): Generator<Reference> {
  let pc = TEXT;
  const fetch = (size: number): Reference => {
    pc += size;
    return { kind: 'I', address: pc - size, size };
  };
  for (const size of START) yield fetch(size);
  let rax = 1n;
  const [functionBytes, mask] = aligned ? [192n, 0xfff8n] : [185n, 0xffffn];
  for (let step = 0; step < STEPS; step++) {
    pc = TEXT + 64;
    rax = (rax * 0x19660dn + 0x3c6ef35fn) & MASK_64;
    const at = DATA + Number((rax >> 16n) & mask);
    const entry = Number(((rax >> 40n) % FUNCTION_COUNT) * functionBytes);
    const masking = aligned ? [6] : [3, 1, 1, 1];
    for (const size of [...LOOP_HEAD, ...masking, ...LOOP_TAIL]) yield fetch(size);
    yield fetch(2);
    yield { kind: 'S', address: STACK - 8, size: 8 };
    const back = pc;
    pc = FUNCTIONS + entry;
    yield fetch(4);
    yield { kind: 'M', address: at, size: 8 };
    yield fetch(5);
    yield { kind: 'L', address: at + 4, size: 4 };
    yield fetch(4);
    yield { kind: 'S', address: at + 1, size: 1 };
    yield fetch(3);
    yield { kind: 'L', address: DATA, size: 16 };
    yield fetch(1);
    yield { kind: 'L', address: STACK - 8, size: 8 };
    pc = back;
    for (const size of [2, 2]) yield fetch(size);
  }
  for (const size of [5, 2, 2]) yield fetch(size);
}

/** A line of lackey's --trace-mem=yes. */
export function lackeyLine({ kind, address, size }: Reference): string {
  const letter = kind === 'I' ? 'I ' : ` ${kind}`;
  return `${letter} ${address.toString(16).padStart(8, '0')},${size}\n`;
}

export interface CachegrindGeometry {
  readonly sizeBytes: number;
  readonly ways: number;
}

/** Cachegrind's counts, by its own names, and how often both lines of an access missed at once. */
export interface CachegrindCounts {
  Ir: number;
  I1mr: number;
  ILmr: number;
  Dr: number;
  D1mr: number;
  DLmr: number;
  Dw: number;
  D1mw: number;
  DLmw: number;
  bothMissed: number;
}

/**
 * One reference is at most one miss, also when it touches two lines; a modify is a read; when a first level
 * missed, the last level is asked for all lines of the reference, also for one that was there.
 */
export function countAsCachegrind(
  references: Iterable<Reference>,
  geometry: Readonly<Record<'I1' | 'D1' | 'LL', CachegrindGeometry>>,
  lineBytes: number,
): CachegrindCounts {
  const i1 = listCache(geometry.I1, lineBytes);
  const d1 = listCache(geometry.D1, lineBytes);
  const ll = listCache(geometry.LL, lineBytes);
  const counts: CachegrindCounts = {
    ...{ Ir: 0, I1mr: 0, ILmr: 0, Dr: 0, D1mr: 0, DLmr: 0, Dw: 0, D1mw: 0, DLmw: 0, bothMissed: 0 },
  };
  for (const { kind, address, size } of references) {
    const first = Math.floor(address / lineBytes);
    const last = Math.floor((address + size - 1) / lineBytes);
    const lines = first === last ? [first] : [first, last];
    const level1 = lines.map((line) => (kind === 'I' ? i1 : d1)(line));
    const missed1 = level1.includes(false);
    const missedLast = missed1 && lines.map((line) => ll(line)).includes(false);
    const [refs, m1, mL] =
      kind === 'I'
        ? (['Ir', 'I1mr', 'ILmr'] as const)
        : kind === 'S'
          ? (['Dw', 'D1mw', 'DLmw'] as const)
          : (['Dr', 'D1mr', 'DLmr'] as const);
    counts[refs]++;
    if (missed1) counts[m1]++;
    if (missedLast) counts[mL]++;
    if (lines.length === 2 && !level1.includes(true)) counts.bothMissed++;
  }
  return counts;
}

/** LRU; tells whether the line was there. */
function listCache(
  { sizeBytes, ways }: CachegrindGeometry,
  lineBytes: number,
): (line: number) => boolean {
  const sets = Array.from({ length: sizeBytes / ways / lineBytes }, (): number[] => []);
  return (line) => {
    const set = sets[line % sets.length] ?? [];
    const place = set.indexOf(line);
    if (place >= 0) set.splice(place, 1);
    set.unshift(line);
    if (set.length > ways) set.pop();
    return place >= 0;
  };
}
