// SPDX-License-Identifier: Apache-2.0
// One box for everything: addresses, symbols, pc:, function:, icount:, #ordinal; or SQL, whose rows the lower pane shows.

import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { FindReply } from '../server/protocol.ts';
import { goTo } from './actions.ts';
import { api } from './api-client.ts';
import { jump } from './navigation.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { formatAddress } from './ticks.ts';

const found = signal<FindReply | null>(null);
const isOpen = signal(false);
const isBusy = signal(false);
const text = signal('');
const chosen = signal(0);
let asking = new AbortController();

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['0xffffffff81000000', 'an address'],
  ['jiffies', 'a symbol'],
  ['function:memcpy', 'where a function first runs'],
  ['pc:0xffffffff81000000', 'where an instruction first runs'],
  ['icount:1000000', 'a number of instructions'],
  ['#5000', 'the access of that number'],
  ['select kind, count(*) from accesses group by kind', 'SQL'],
];

function isSql(query: string): boolean {
  return /^\s*(?:select|with)\b/i.test(query);
}

export function focusFindBox(): void {
  const input = document.getElementById('find');
  if (!(input instanceof HTMLInputElement)) return;
  input.focus();
  input.select();
}

async function find(query: string): Promise<void> {
  if (query.trim() === '') return;
  if (isSql(query)) {
    isOpen.value = false;
    jump({ sql: query.trim(), tab: 'query' });
    page.sqlRuns.value++;
    return;
  }
  asking.abort();
  asking = new AbortController();
  const { signal: aborted } = asking;
  isBusy.value = true;
  isOpen.value = true;
  try {
    const reply = await api.find({ q: query.trim(), stream: page.view.peek().stream }, aborted);
    found.value = reply;
    chosen.value = 0;
    const [only, second] = reply.places;
    page.announcement.value = reply.message;
    isOpen.value = true;
    if (only !== undefined && second === undefined && only.ordinal !== null) choose(only);
  } catch (error) {
    reportProblem(error);
  } finally {
    if (!aborted.aborted) isBusy.value = false;
  }
}

function choose(place: FindReply['places'][number]): void {
  isOpen.value = false;
  goTo(place);
  document.getElementById('map')?.focus();
}

function onKey(event: KeyboardEvent): void {
  const places = found.peek()?.places ?? [];
  const input = event.currentTarget;
  if (event.key === 'Escape') {
    isOpen.value = false;
    if (input instanceof HTMLElement) input.blur();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const by = event.key === 'ArrowDown' ? 1 : -1;
    chosen.value = Math.min(Math.max(0, chosen.peek() + by), Math.max(0, places.length - 1));
    event.preventDefault();
  } else if (event.key === 'Enter') {
    const place = isOpen.peek() && found.peek() !== null ? places[chosen.peek()] : undefined;
    if (place === undefined) void find(text.peek());
    else choose(place);
  }
}

export function FindBox(): JSX.Element {
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => event.preventDefault()}
      onFocusOut={(event) => {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) isOpen.value = false;
      }}
    >
      <input
        id="find"
        type="text"
        autocomplete="off"
        spellcheck={false}
        placeholder="Address, symbol, pc:, function:, icount:, #access or SQL"
        aria-label="Find an address, symbol, instruction, function, icount or access, or ask in SQL"
        role="combobox"
        aria-expanded={isOpen.value}
        aria-controls="found"
        aria-activedescendant={
          isOpen.value && found.value !== null ? `found-${chosen.value}` : undefined
        }
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          found.value = null;
          isOpen.value = true;
        }}
        onFocus={() => {
          isOpen.value = true;
        }}
        onKeyDown={onKey}
      />
      <kbd aria-hidden="true">{isBusy.value ? '…' : 'Ctrl K'}</kbd>
      {isOpen.value ? <Found /> : null}
    </form>
  );
}

function Found(): JSX.Element | null {
  const reply = found.value;
  if (isBusy.value) {
    return (
      <div class="found" id="found">
        <p>Searching the trace…</p>
        <progress aria-label="Searching the trace" />
      </div>
    );
  }
  if (reply === null) {
    return text.value === '' ? (
      <ul class="found" id="found" aria-label="What can be asked">
        {EXAMPLES.map(([query, what]) => (
          <li key={query}>
            <button
              type="button"
              onClick={() => {
                text.value = query;
                focusFindBox();
              }}
            >
              <code>{query}</code>
              <span>{what}</span>
            </button>
          </li>
        ))}
      </ul>
    ) : null;
  }
  return (
    <div class="found">
      <p>{reply.message}</p>
      {reply.complete ? null : (
        <p class="soft">Not everything was looked at: there may be others, and earlier ones.</p>
      )}
      <ul id="found" role="listbox" aria-label="Places found">
        {reply.places.map((place, i) => (
          <li
            key={`${place.space}${place.address ?? ''}${place.label}${place.ordinal ?? ''}`}
            id={`found-${i}`}
            role="option"
            aria-selected={i === chosen.value}
          >
            <button type="button" tabIndex={-1} onClick={() => choose(place)}>
              <code>{place.label}</code>
              <span>
                {place.address === null ? '' : `${formatAddress(place.address)} `}
                {place.space}
                {place.ordinal !== null
                  ? ''
                  : reply.complete
                    ? ', never accessed'
                    : ', not found yet'}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
