// SPDX-License-Identifier: Apache-2.0
// Reuse distances in unique lines. Each use of a line takes a place in time; a bit says for each place whether it is
// the last use of its line, so that the distance is the number of bits behind the line's own one. Bits are
// counted at two levels above, and places are renumbered when they run out. With a threshold below SPACE only the lines
// whose hash is below it are looked at (SHARDS, Waldspurger et al., FAST 2015), and the distances scaled up.
// All structures have their places for as many lines as there may be; memory that is not touched costs nothing. A line
// takes about 25 bytes: counts of 16 bits, of which the module's user keeps what does not fit.

const FLAG_DEVICE: u32 = 4;
const PAGE_BYTES: usize = 65536;

/** Hashes are below it. */
export const SPACE: u32 = 1 << 24;

/** A line: u64 number, u32 place of its last use, u16 uses, u16 distant uses. */
const LINE_BYTES_LOG2: usize = 4;
const PLACE_AT: usize = 8;
const USES_AT: usize = 12;
const DISTANT_AT: usize = 14;

/** A slot: a line's number + 1, and above it bits of its hash, which tell most other lines without a look at them. */
const NUMBER_MASK: u32 = (1 << 25) - 1;

const FIRST_PLACES: u32 = 1 << 16;
const FIRST_SLOTS_LOG2: u32 = 14;

/** What is carried: a count of a line's uses or distant uses, or of a distance, begins anew behind 65535. */
const CARRY_USES: u32 = 0;
const CARRY_DISTANT: u32 = 1;
const CARRY_DISTANCE: u32 = 2;

/** `which`: the line, or the distance. */
declare function carry(what: u32, which: u64): void;

/** Distances above are counted in bins when lines are sampled: 2^BIN_LOG2 for each power of two. */
const BIN_LOG2: u32 = 7;

// What was asked for.
let lineShift: u64 = 6;
let lineMask: u64 = 0;
let excluded: u32 = 0;
let distantFrom: u32 = 0;
let lineLimit: u32 = 0;
/** Lines that are looked at, at most; 0: as many as there are. */
let sampleLimit: u32 = 0;
/** SPACE: every line is looked at. */
let threshold: u32 = SPACE;
let isSampled: bool = false;

// Where things are.
let address: usize = 0;
let size: usize = 0;
let flags: usize = 0;
let lines: usize = 0;
let slots: usize = 0;
let bits: usize = 0;
/** u32 for each 64 words of bits: how many are set; and for each 64 of those. */
let counts: usize = 0;
let sums: usize = 0;
/** While places are renumbered, u32 for each word of bits: how many are set before it. */
let ranks: usize = 0;
/** u16 for each distance; when lines are sampled, f64 for each bin. */
let histogram: usize = 0;

// How far it is.
let lineCount: u32 = 0;
let slotsLog2: u32 = FIRST_SLOTS_LOG2;
let places: u32 = FIRST_PLACES;
/** The next place in time. */
let now: u32 = 0;
let lastLine: u64 = u64.MAX_VALUE;
let lastAt: usize = 0;
let isFull: bool = false;

// What was counted.
let touches: f64 = 0;
/** Uses of the line that was used last, which the histogram lacks. */
let repeats: f64 = 0;
let newLines: f64 = 0;
let distantUses: f64 = 0;
let deviceAccesses: f64 = 0;
let unaddressed: f64 = 0;

export function addressAt(): usize {
  return address;
}
export function sizeAt(): usize {
  return size;
}
export function flagsAt(): usize {
  return flags;
}
export function linesAt(): usize {
  return lines;
}
export function histogramAt(): usize {
  return histogram;
}
export function lineTotal(): u32 {
  return lineCount;
}
/** 1: there were more lines than the limit. Nothing counts any more. */
export function overflowed(): u32 {
  return isFull ? 1 : 0;
}
export function thresholdNow(): u32 {
  return threshold;
}
export function touchTotal(): f64 {
  return touches;
}
/** In units of the sampling rate as it is now, as are the histogram and the two below. */
export function repeatTotal(): f64 {
  return repeats;
}
export function newTotal(): f64 {
  return newLines;
}
export function distantTotal(): f64 {
  return distantUses;
}
export function deviceTotal(): f64 {
  return deviceAccesses;
}
export function unaddressedTotal(): f64 {
  return unaddressed;
}

/** Takes memory for pieces of so many accesses and so many lines. False: there is not that much. */
export function begin(
  pieceLength: u32,
  shift: u32,
  excludedFlags: u32,
  distant: u32,
  limit: u32,
  firstThreshold: u32,
  mostSampled: u32,
): bool {
  lineShift = shift;
  lineMask = u64.MAX_VALUE >> lineShift;
  excluded = excludedFlags;
  distantFrom = distant;
  lineLimit = limit;
  threshold = firstThreshold;
  sampleLimit = mostSampled;
  isSampled = firstThreshold < SPACE || mostSampled > 0;
  const mostPlaces = mostPlacesFor(limit);
  let end: usize = (__heap_base + 63) & ~63;
  address = end;
  end += (<usize>pieceLength) << 3;
  size = end;
  end += (pieceLength + 7) & ~7;
  flags = end;
  end += (pieceLength + 7) & ~7;
  sums = end;
  end += (<usize>mostPlaces >> 16) + 64;
  counts = end;
  end += (<usize>mostPlaces >> 10) + 64;
  bits = end;
  end += (<usize>mostPlaces >> 3) + 64;
  ranks = end;
  end += (<usize>mostPlaces >> 4) + 64;
  slots = end;
  end += (<usize>4) << slotsLog2For(limit);
  lines = (end + 63) & ~63;
  end = lines + ((<usize>limit) << LINE_BYTES_LOG2);
  histogram = end;
  end += isSampled ? (64 * 128 + 256) << 3 : (<usize>limit + 1) << 1;
  const needed = <i32>((end + PAGE_BYTES - 1) / PAGE_BYTES) - memory.size();
  return needed <= 0 || memory.grow(needed) >= 0;
}

/** Places for twice as many lines at least, so that half of them are free after each renumbering. */
function mostPlacesFor(limit: u32): u32 {
  let most = FIRST_PLACES;
  while (most < 2 * limit) most <<= 1;
  return most;
}

function slotsLog2For(limit: u32): u32 {
  let log2 = FIRST_SLOTS_LOG2;
  while (mostLinesFor(log2) < limit) log2++;
  return log2;
}

/** At most seven eighths are used. */
function mostLinesFor(slotsLog2: u32): u32 {
  return 7 << (slotsLog2 - 3);
}

/** Takes so many accesses from the columns. */
export function measure(count: u32): void {
  touches += count;
  for (let i: usize = 0; i < <usize>count; i++) {
    const flag = <u32>load<u8>(flags + i);
    if ((flag & excluded) != 0) {
      if ((flag & FLAG_DEVICE) != 0) deviceAccesses += 1;
      else unaddressed += 1;
      touches -= 1;
      continue;
    }
    const at = load<u64>(address + (i << 3));
    const last = (at + <u64>load<u8>(size + i) - 1) >> lineShift;
    let line = at >> lineShift;
    touch(line);
    while (line != last) {
      line = (line + 1) & lineMask;
      touches += 1;
      touch(line);
    }
    if (isFull) return;
  }
}

function touch(line: u64): void {
  if (line == lastLine) {
    repeats += 1;
    countUse(line, lastAt);
    return;
  }
  const hash = mix(line);
  if (<u32>(hash >> 40) >= threshold) return;
  let slot = slotOf(hash);
  const slotMask = ((<usize>1) << slotsLog2) - 1;
  const tag = tagOf(hash);
  let entry = load<u32>(slots + (slot << 2));
  while (entry != 0) {
    if ((entry & ~NUMBER_MASK) == tag) {
      const found = lines + ((<usize>((entry & NUMBER_MASK) - 1)) << LINE_BYTES_LOG2);
      if (load<u64>(found) == line) {
        useAgain(line, found);
        return;
      }
    }
    slot = (slot + 1) & slotMask;
    entry = load<u32>(slots + (slot << 2));
  }
  addLine(line, slot, tag);
}

function countUse(line: u64, at: usize): void {
  const uses = load<u16>(at + USES_AT) + 1;
  store<u16>(at + USES_AT, uses);
  if (uses == 0) carry(CARRY_USES, line);
}

function useAgain(line: u64, at: usize): void {
  const place = load<u32>(at + PLACE_AT);
  let distance = <u64>usesBehind(place);
  if (isSampled) {
    // What it would be among all lines.
    distance = (distance << 24) / threshold;
    const bin = histogram + (binOf(distance) << 3);
    store<f64>(bin, load<f64>(bin) + 1);
  } else {
    const bin = histogram + ((<usize>distance) << 1);
    const count = load<u16>(bin) + 1;
    store<u16>(bin, count);
    if (count == 0) carry(CARRY_DISTANCE, distance);
  }
  countUse(line, at);
  if (distance >= distantFrom) {
    distantUses += 1;
    const distant = load<u16>(at + DISTANT_AT) + 1;
    store<u16>(at + DISTANT_AT, distant);
    if (distant == 0) carry(CARRY_DISTANT, line);
  }
  clearPlace(place);
  lastLine = line;
  lastAt = at;
  takePlace(at);
}

/** Number of the bin: exact below 2^(BIN_LOG2 + 1). */
function binOf(distance: u64): usize {
  if (distance < 2 << BIN_LOG2) return <usize>distance;
  const log2 = 63 - <u32>clz(distance);
  const part = <usize>(distance >> (log2 - BIN_LOG2)) & ((1 << BIN_LOG2) - 1);
  return ((<usize>(log2 - BIN_LOG2 + 1)) << BIN_LOG2) + part;
}

function addLine(line: u64, slot: usize, tag: u32): void {
  newLines += 1;
  if (lineCount == lineLimit) {
    isFull = true;
    return;
  }
  const number = lineCount++;
  const at = lines + ((<usize>number) << LINE_BYTES_LOG2);
  store<u64>(at, line);
  store<u16>(at + USES_AT, 1);
  store<u16>(at + DISTANT_AT, 0);
  store<u32>(slots + (slot << 2), tag | (number + 1));
  lastLine = line;
  lastAt = at;
  takePlace(at);
  if (sampleLimit > 0 && lineCount > sampleLimit) {
    while (lineCount > sampleLimit) lowerThreshold();
  } else if (lineCount > mostLinesFor(slotsLog2) && lineCount < lineLimit) {
    slotsLog2++;
    fillSlots();
  }
}

/** Number of a line; -1: it is not among them. */
export function numberOf(line: u64): i32 {
  const slotMask = ((<usize>1) << slotsLog2) - 1;
  let slot = slotOf(mix(line));
  let number = numberIn(slot);
  while (number >= 0 && load<u64>(lines + ((<usize>number) << LINE_BYTES_LOG2)) != line) {
    slot = (slot + 1) & slotMask;
    number = numberIn(slot);
  }
  return number;
}

function numberIn(slot: usize): i32 {
  return <i32>(load<u32>(slots + (slot << 2)) & NUMBER_MASK) - 1;
}

/** Mixes all bits (finaliser of MurmurHash3, public domain). */
function mix(value: u64): u64 {
  let x = value;
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

/** The low bits: the high ones choose which lines are looked at. */
function slotOf(hash: u64): usize {
  return <usize>hash & (((<usize>1) << slotsLog2) - 1);
}

/** Bits 25 to 31, which no slot's number has. */
function tagOf(hash: u64): u32 {
  return <u32>hash & ~NUMBER_MASK;
}

function fillSlots(): void {
  memory.fill(slots, 0, (<usize>4) << slotsLog2);
  const slotMask = ((<usize>1) << slotsLog2) - 1;
  for (let number: u32 = 0; number < lineCount; number++) {
    const hash = mix(load<u64>(lines + ((<usize>number) << LINE_BYTES_LOG2)));
    let slot = slotOf(hash);
    while (load<u32>(slots + (slot << 2)) != 0) slot = (slot + 1) & slotMask;
    store<u32>(slots + (slot << 2), tagOf(hash) | (number + 1));
  }
}

/** Last uses behind a place, the last use of a line. Of each level what is nearer: all in front, or all behind. */
function usesBehind(place: u32): u32 {
  const lastWord = (now - 1) >> 6;
  const word = place >> 6;
  const count = place >> 12;
  const here = load<u64>(bits + ((<usize>word) << 3)) >> (place & 63);
  let behind = <u32>popcnt(here) - 1;
  if (word == lastWord) return behind;
  const lastCount = lastWord >> 6;
  const wordEnd = count == lastCount ? lastWord : word | 63;
  if (wordEnd - word <= (word & 63) + 1) {
    for (let at = word + 1; at <= wordEnd; at++) behind += setIn(at);
  } else {
    behind += load<u32>(counts + ((<usize>count) << 2));
    for (let at = word & ~63; at <= word; at++) behind -= setIn(at);
  }
  if (count == lastCount) return behind;
  const sum = place >> 18;
  const lastSum = lastCount >> 6;
  const countEnd = sum == lastSum ? lastCount : count | 63;
  if (countEnd - count <= (count & 63) + 1) {
    behind += sumOf(counts, count + 1, countEnd);
  } else {
    behind += load<u32>(sums + ((<usize>sum) << 2)) - sumOf(counts, count & ~63, count);
  }
  if (sum == lastSum) return behind;
  // Each line has one last use.
  return lastSum - sum <= sum
    ? behind + sumOf(sums, sum + 1, lastSum)
    : behind + lineCount - sumOf(sums, 0, sum);
}

function setIn(word: u32): u32 {
  return <u32>popcnt(load<u64>(bits + ((<usize>word) << 3)));
}

/** Of u32 elements; `last` is one of them. */
function sumOf(column: usize, first: u32, last: u32): u32 {
  let sum: u32 = 0;
  for (let at = first; at <= last; at++) sum += load<u32>(column + ((<usize>at) << 2));
  return sum;
}

function clearPlace(place: u32): void {
  const word = bits + ((<usize>(place >> 6)) << 3);
  store<u64>(word, load<u64>(word) & ~((<u64>1) << (place & 63)));
  const count = counts + ((<usize>(place >> 12)) << 2);
  store<u32>(count, load<u32>(count) - 1);
  const sum = sums + ((<usize>(place >> 18)) << 2);
  store<u32>(sum, load<u32>(sum) - 1);
}

function takePlace(at: usize): void {
  if (now == places) renumberPlaces();
  const place = now++;
  store<u32>(at + PLACE_AT, place);
  setPlace(place);
}

function setPlace(place: u32): void {
  const word = bits + ((<usize>(place >> 6)) << 3);
  store<u64>(word, load<u64>(word) | ((<u64>1) << (place & 63)));
  const count = counts + ((<usize>(place >> 12)) << 2);
  store<u32>(count, load<u32>(count) + 1);
  const sum = sums + ((<usize>(place >> 18)) << 2);
  store<u32>(sum, load<u32>(sum) + 1);
}

/**
 * Last uses move together, in their order; with more than a quarter of the places in use there are to be more. The line
 * that a place is wanted for has none meanwhile, and gets a number that means nothing.
 */
function renumberPlaces(): void {
  let used: u32 = 0;
  for (let word: usize = 0; word < <usize>places >> 6; word++) {
    store<u32>(ranks + (word << 2), used);
    used += <u32>popcnt(load<u64>(bits + (word << 3)));
  }
  const end = lines + ((<usize>lineCount) << LINE_BYTES_LOG2);
  for (let line = lines; line < end; line += 1 << LINE_BYTES_LOG2) {
    const place = load<u32>(line + PLACE_AT);
    const word = <usize>(place >> 6);
    const before = load<u64>(bits + (word << 3)) & (((<u64>1) << (place & 63)) - 1);
    store<u32>(line + PLACE_AT, load<u32>(ranks + (word << 2)) + <u32>popcnt(before));
  }
  memory.fill(bits, 0, places >> 3);
  memory.fill(counts, 0, places >> 10);
  memory.fill(sums, 0, (places >> 16) + 4);
  for (let place: u32 = 0; place < used; place++) setPlace(place);
  now = used;
  const most = mostPlacesFor(lineLimit);
  while (places < most && <u32>4 * used > places) places <<= 1;
}

/** Looks at an eighth fewer lines from now on: forgets the others, and makes what was counted as if it were as much less. */
function lowerThreshold(): void {
  const before = threshold;
  threshold -= (threshold + 7) >> 3;
  const scale = <f64>threshold / <f64>before;
  const end = histogram + ((<usize>binOf(u64.MAX_VALUE)) << 3);
  for (let bin = histogram; bin <= end; bin += 8) store<f64>(bin, load<f64>(bin) * scale);
  repeats *= scale;
  newLines *= scale;
  distantUses *= scale;
  let kept: u32 = 0;
  for (let number: u32 = 0; number < lineCount; number++) {
    const from = lines + ((<usize>number) << LINE_BYTES_LOG2);
    if (<u32>(mix(load<u64>(from)) >> 40) >= threshold) {
      clearPlace(load<u32>(from + PLACE_AT));
      continue;
    }
    memory.copy(lines + ((<usize>kept) << LINE_BYTES_LOG2), from, 1 << LINE_BYTES_LOG2);
    kept++;
  }
  lineCount = kept;
  lastLine = u64.MAX_VALUE;
  fillSlots();
}
