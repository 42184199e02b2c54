// SPDX-License-Identifier: Apache-2.0
// Takes what is seen out of the page: pictures of the map, the list as CSV, a link.

import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { formatBytes, formatQuantity } from '../base/index.ts';
import type { WindowQuery } from '../server/protocol.ts';
import { listQuery } from './access-list.tsx';
import { snapRegion, windowQuery } from './actions.ts';
import { api } from './api-client.ts';
import { mapAsPng, mapAsSvg } from './map-picture.ts';
import { tell } from './notices.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { fileNameFor, saveFile } from './save-file.ts';

const isOpen = signal(false);
const progress = signal('');
let asking = new AbortController();

/** Of a row with names and an instruction, about. */
const CSV_ROW_BYTES = 130;

/** Of the list, when it is shown; else of what is selected, or in view. */
async function shownQuery(aborted: AbortSignal): Promise<WindowQuery> {
  const ofList = page.tab.peek() === 'list' ? listQuery.peek() : null;
  return ofList ?? windowQuery(page.selected.peek() ?? snapRegion(page.view.peek()), aborted);
}

/** The browser fetches and writes it, shows how far it is, and can give it up. */
async function saveCsv(): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal: aborted } = asking;
  const query = await shownQuery(aborted);
  const url = await api.csv(query, aborted);
  const { total, counted } = await api.accesses({ ...query, offset: 0, count: 1 }, aborted);
  saveFile(fileNameFor(page.trace.peek()?.file ?? '', 'accesses.csv'), url);
  const rows = `${counted ? '' : 'More than '}${formatQuantity(total, 'row')}`;
  const size = `some ${formatBytes(total * CSV_ROW_BYTES)}`;
  progress.value = `${rows}, ${size}: the browser shows how far it is, and can end it.`;
  tell('The list is being saved');
}

async function savePng(): Promise<void> {
  saveFile(fileNameFor(page.trace.peek()?.file ?? '', 'map.png'), await mapAsPng());
}

async function saveSvg(): Promise<void> {
  saveFile(fileNameFor(page.trace.peek()?.file ?? '', 'map.svg'), mapAsSvg());
  await Promise.resolve();
}

async function copyLink(): Promise<void> {
  await navigator.clipboard.writeText(location.href);
  tell('The link is copied');
}

async function copyCommand(): Promise<void> {
  const { signal: aborted } = new AbortController();
  const query = await shownQuery(aborted);
  const verb = page.tab.peek() === 'list' ? 'dump' : 'hot';
  const { command } = await api.command({ ...query, verb }, aborted);
  await navigator.clipboard.writeText(command);
  progress.value = command;
  tell('The command is copied');
}

const ITEMS: readonly (readonly [string, () => Promise<void>])[] = [
  ['Map as PNG', savePng],
  ['Map as SVG', saveSvg],
  ['Accesses as CSV', saveCsv],
  ['Copy the command', copyCommand],
  ['Copy a link to this view', copyLink],
];

/** As it opens. */
function focusFirst(menu: HTMLElement | null): void {
  menu?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
}

/** Arrows go round; Escape closes and gives the focus back. */
function onMenuKey(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  if (!isOpen.peek()) return;
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')];
  const at = items.findIndex((item) => item === document.activeElement);
  const places: { readonly [key: string]: number } = {
    ArrowDown: at + 1,
    ArrowUp: at < 0 ? items.length - 1 : at - 1,
    Home: 0,
    End: items.length - 1,
  };
  const place = places[event.key];
  if (event.key === 'Escape') {
    isOpen.value = false;
    event.currentTarget.querySelector('button')?.focus();
    event.stopPropagation();
  } else if (place !== undefined) {
    event.preventDefault();
    items[(place + items.length) % items.length]?.focus();
  }
}

export function ExportMenu(): JSX.Element {
  return (
    <div
      class="menu"
      onFocusOut={(event) => {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) isOpen.value = false;
      }}
      onKeyDown={onMenuKey}
    >
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.peek();
        }}
      >
        Export
      </button>
      {isOpen.value ? (
        <div class="menu-items">
          <div role="menu" aria-label="Export" ref={focusFirst}>
            {ITEMS.map(([name, run]) => (
              <button
                key={name}
                type="button"
                role="menuitem"
                tabIndex={-1}
                onClick={() => void run().catch(reportProblem)}
              >
                {name}
              </button>
            ))}
          </div>
          {progress.value === '' ? null : <p class="soft">{progress.value}</p>}
        </div>
      ) : null}
    </div>
  );
}
