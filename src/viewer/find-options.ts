// SPDX-License-Identifier: Apache-2.0
// What the find box offers: examples while it is empty, names that match while one types, places when it was asked.

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { FindReply, NamesReply } from '../server/protocol.ts';
import { goTo, runSql } from './actions.ts';
import { api } from './api-client.ts';
import { beginErrand } from './errand.ts';
import { tell } from './notices.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { formatAddress } from './ticks.ts';

export interface FindOption {
  readonly key: string;
  /** What would stand in the box, or the name of a place. */
  readonly code: string;
  readonly note: string;
  readonly choose: () => void;
}

export const text: Signal<string> = signal('');
export const isBusy: Signal<boolean> = signal(false);
/** While it is busy: how much of the trace was looked at, 0 to 1. */
export const searched: Signal<number> = signal(0);
export const isOpen: Signal<boolean> = signal(false);
/** Of the options, the one that is marked; -1: none, Enter asks what stands in the box. */
export const chosen: Signal<number> = signal(-1);
export const found: Signal<FindReply | null> = signal(null);
const names: Signal<NamesReply['names']> = signal([]);

const PAUSE_MS = 80;
const MOST_NAMES = 8;
let asking = new AbortController();
let naming = new AbortController();
let timer = 0;
/** Asks for the names at once that wait for a pause in typing; done when they are here, or none are to come. */
let namesOfText: () => Promise<void> = async () => Promise.resolve();

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['0xffffffff81000000', 'an address'],
  ['jiffies', 'a symbol'],
  ['function:schedule', 'the first access of a function'],
  ['pc:0xffffffff81000000', 'the first access of an instruction'],
  ['icount:1000000', 'a number of instructions'],
  ['#5000', 'the access of that number'],
  ['select kind, count(*) from accesses group by kind', 'SQL'],
];

function isSql(query: string): boolean {
  return /^\s*(?:select|with)\b/i.test(query);
}

/** The begin of a name, where one may be meant, and what is before it. */
function partOfName(query: string): { readonly before: string; readonly part: string } | null {
  const [, before = '', part = ''] = /^\s*(function:\s*)?([a-z_.$][\w.$]+)\s*$/i.exec(query) ?? [];
  return part === '' || isSql(query) ? null : { before, part };
}

export const options: ReadonlySignal<readonly FindOption[]> = computed(() => {
  if (isBusy.value) return [];
  if (found.value !== null) {
    const { places, complete } = found.value;
    const unfound = complete ? ', never accessed' : ', not found yet';
    return places.map((place) => placeOption(place, unfound));
  }
  if (text.value === '') {
    return EXAMPLES.map(([code, note]) => ({ key: code, code, note, choose: () => write(code) }));
  }
  const before = partOfName(text.value)?.before ?? '';
  return names.value.map(({ name, what, ran }) => ({
    key: `${what} ${name}`,
    code: name,
    note: what === 'data' ? 'data' : ran === false ? 'function, never ran' : 'function',
    choose() {
      write(`${before}${name}`);
      void find();
    },
  }));
});

/** Whether anything of it is on the page. */
export const isShown: ReadonlySignal<boolean> = computed(
  () => isOpen.value && (isBusy.value || found.value !== null || options.value.length > 0),
);

function placeOption(place: FindReply['places'][number], unfound: string): FindOption {
  const { space, address, label, ordinal } = place;
  const where = address === null ? '' : `${formatAddress(address)} `;
  return {
    key: `${space} ${address ?? ''} ${label} ${ordinal ?? ''}`,
    code: label,
    note: `${where}${space}${ordinal === null ? unfound : ''}`,
    choose: () => go(place),
  };
}

function go(place: FindReply['places'][number]): void {
  isOpen.value = false;
  goTo(place);
  document.getElementById('map')?.focus();
}

/** Puts words into the box, as if they were typed. */
export function write(words: string): void {
  text.value = words;
  found.value = null;
  chosen.value = -1;
  isOpen.value = true;
  stopAsking();
  clearTimeout(timer);
  naming.abort();
  const wanted = partOfName(words);
  if (wanted === null) {
    names.value = [];
    namesOfText = async () => Promise.resolve();
    return;
  }
  let asked: Promise<void> | undefined;
  namesOfText = async () => (asked ??= askNames(wanted.part));
  timer = window.setTimeout(() => void namesOfText(), PAUSE_MS);
}

/** Marks what is typed in full, or the first: Enter takes it. */
async function askNames(part: string): Promise<void> {
  naming = new AbortController();
  const { signal: aborted } = naming;
  let offered: NamesReply['names'] = [];
  try {
    offered = (await api.names({ q: part, limit: MOST_NAMES }, aborted)).names;
  } catch {
    // Names are offered where they can be; what is asked says what is wrong.
  }
  if (aborted.aborted) return;
  names.value = offered;
  chosen.value = Math.max(
    offered.findIndex(({ name }) => name === part),
    Math.min(0, offered.length - 1),
  );
}

/** Moves the choice by one; from the last to none, and on to the first. */
export function moveChoice(by: 1 | -1): void {
  const { length } = options.peek();
  isOpen.value = true;
  if (length === 0) return;
  const around = length + 1;
  chosen.value = ((chosen.peek() + 1 + by + around) % around) - 1;
}

/** What Enter does: takes what is marked; else asks for the words as they are. */
export async function submit(): Promise<void> {
  if (isOpen.peek() && !isBusy.peek() && found.peek() === null) {
    const words = text.peek();
    clearTimeout(timer);
    await namesOfText();
    // Escape, or another word: it was thought better of.
    if (!isOpen.peek() || text.peek() !== words) return;
  }
  const option = isShown.peek() ? options.peek()[chosen.peek()] : undefined;
  if (option === undefined) await find();
  else option.choose();
}

async function find(): Promise<void> {
  const query = text.peek().trim();
  if (query === '') return;
  clearTimeout(timer);
  naming.abort();
  names.value = [];
  if (isSql(query)) {
    isOpen.value = false;
    runSql(query);
    return;
  }
  await ask(query);
}

/** Asks until the words are found, or everything was looked at: one question of the server takes no more than seconds. */
async function ask(query: string): Promise<void> {
  stopAsking();
  asking = new AbortController();
  const { signal: aborted } = asking;
  // Where something else is shown meanwhile it is asked on, and what is found is only listed.
  const errand = beginErrand('search');
  isBusy.value = true;
  isOpen.value = true;
  found.value = null;
  try {
    let reply: FindReply;
    do {
      reply = await api.find({ q: query, stream: page.view.peek().stream }, aborted);
      searched.value = reply.searched;
    } while (reply.searched < 1 && !isPlaced(reply));
    found.value = reply;
    chosen.value = reply.places.length > 0 ? 0 : -1;
    page.announcement.value = reply.message;
    const [only, second] = reply.places;
    if (!errand.movesMap()) tell(reply.message);
    else if (
      reply.searched === 1 &&
      only !== undefined &&
      second === undefined &&
      only.ordinal !== null
    )
      go(only);
  } catch (error) {
    reportProblem(error);
  } finally {
    if (!aborted.aborted) stopAsking();
  }
}

function isPlaced({ places }: FindReply): boolean {
  return places.some(({ ordinal }) => ordinal !== null);
}

/** What the button below places does, when the time was over before all were found. */
export function searchOn(): void {
  void ask(text.peek().trim());
}

export function stopAsking(): void {
  asking.abort();
  isBusy.value = false;
  searched.value = 0;
}
