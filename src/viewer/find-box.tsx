// SPDX-License-Identifier: Apache-2.0
// One box for everything: addresses, symbols, pc:, function:, icount:, #ordinal; or SQL, whose rows the lower pane shows.

import type { JSX } from 'preact';
import { formatProgress } from '../base/index.ts';
import type { FindReply } from '../server/protocol.ts';
import {
  chosen,
  found,
  isBusy,
  isOpen,
  isShown,
  moveChoice,
  options,
  searched,
  searchOn,
  stopAsking,
  submit,
  text,
  write,
} from './find-options.ts';

export function focusFindBox(): void {
  const input = document.getElementById('find');
  if (!(input instanceof HTMLInputElement)) return;
  input.focus();
  input.select();
}

/** Escape ends a search, closes what is offered, and leaves the box, one after the other. */
function onKey(event: KeyboardEvent): void {
  if (event.key === 'Escape') {
    event.stopPropagation();
    if (isBusy.peek()) stopAsking();
    else if (isShown.peek()) isOpen.value = false;
    else document.getElementById('map')?.focus();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    moveChoice(event.key === 'ArrowDown' ? 1 : -1);
    event.preventDefault();
  } else if (event.key === 'Enter') {
    void submit();
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
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-expanded={isShown.value}
        aria-controls="found"
        aria-activedescendant={
          isShown.value && chosen.value >= 0 ? `found-${chosen.value}` : undefined
        }
        value={text.value}
        onInput={(event) => write(event.currentTarget.value)}
        onFocus={() => {
          isOpen.value = true;
        }}
        onClick={() => {
          isOpen.value = true;
        }}
        onKeyDown={onKey}
      />
      <kbd aria-hidden="true">{isBusy.value ? '…' : 'Ctrl K'}</kbd>
      {isShown.value ? <Found /> : null}
    </form>
  );
}

function Found(): JSX.Element {
  return (
    <div class="found">
      {isBusy.value ? (
        <>
          <p>Searching the trace: {formatProgress(searched.value)} looked at; Esc ends it</p>
          <progress aria-label="Searching the trace" value={searched.value} />
        </>
      ) : null}
      {found.value === null ? null : <p>{found.value.message}</p>}
      {found.value?.complete === false ? <p class="soft">{whyIncomplete(found.value)}</p> : null}
      <ul id="found" role="listbox" aria-label={labelOfList()}>
        {options.value.map(({ key, code, note, choose }, i) => (
          <li
            key={key}
            id={`found-${i}`}
            role="option"
            aria-selected={i === chosen.value}
            // The box keeps the focus.
            onMouseDown={(event) => event.preventDefault()}
            onClick={choose}
          >
            <code>{code}</code>
            <span>{note}</span>
          </li>
        ))}
      </ul>
      {(found.value?.searched ?? 1) < 1 ? (
        <button
          type="button"
          onClick={() => {
            // The button goes while it is searched: what had the focus would take the box with it.
            document.getElementById('find')?.focus();
            searchOn();
          }}
        >
          Search on
        </button>
      ) : null}
    </div>
  );
}

function whyIncomplete({ searched: part }: FindReply): string {
  return part < 1
    ? `${formatProgress(part)} was looked at: there may be others.`
    : 'Not everything could be looked at: there may be others, and earlier ones.';
}

function labelOfList(): string {
  if (found.value !== null) return 'Places found';
  return text.value === '' ? 'What can be asked' : 'Names that match';
}
