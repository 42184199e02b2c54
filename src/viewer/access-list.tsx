// SPDX-License-Identifier: Apache-2.0
// The list of accesses: of the selection, of what is in view, or of all.

import { type Signal, signal, useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { formatCount } from '../base/index.ts';
import type { WindowQuery } from '../server/protocol.ts';
import { snapRegion, windowQuery } from './actions.ts';
import { ListRows } from './list-rows.tsx';
import { noteLink } from './navigation.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { formatAddress, formatLastAddress } from './ticks.ts';
import { type Region, wholeRegion } from './view.ts';
import { LIST_SCOPES, type ListScope } from './view-link.ts';

const SCOPE_NAMES: { readonly [S in ListScope]: string } = {
  selection: 'Selection',
  view: 'In view',
  all: 'All',
};
const SCOPE_NOTES: { readonly [S in ListScope]: string } = {
  selection: 'Accesses of the window that is selected; all of them while none is',
  view: 'Accesses of what the map shows now',
  all: 'All accesses, whatever is selected',
};
const VIEW_PAUSE_MS = 400;

/** What the list is of now, for CSV. */
export const listQuery: Signal<WindowQuery | null> = signal(null);

/** While no window is selected all are listed. */
function scopeNow(): ListScope {
  const wanted = page.listScope.value;
  return wanted === 'selection' && page.selected.value === null ? 'all' : wanted;
}

function regionNow(): Region {
  const scope = scopeNow();
  if (scope === 'view') return snapRegion(page.view.value);
  return (scope === 'selection' ? page.selected.value : null) ?? wholeRegion(page.extent.value);
}

/** The accesses of the list, by time and address. */
function describeList({ from, to, lowAddress, highAddress }: WindowQuery): string {
  if (lowAddress === undefined && to - from >= page.extent.value.accesses) return 'all accesses';
  const time = `accesses #${formatCount(from)} to #${formatCount(to - 1)}`;
  if (lowAddress === undefined || highAddress === undefined) return `${time}, all addresses`;
  return `${time}, at ${formatAddress(lowAddress)} to ${formatLastAddress(highAddress)}`;
}

export function AccessList(): JSX.Element {
  const query = useSignal<WindowQuery | null>(null);
  const key = useRef('');
  useSignalEffect(() => {
    if (!page.isReady.value) return undefined;
    const region = regionNow();
    const now = JSON.stringify([region, page.view.value.space, page.view.value.stream]);
    if (now === key.current) return undefined;
    const controller = new AbortController();
    const load = async (): Promise<void> => {
      try {
        query.value = await windowQuery(region, controller.signal);
        listQuery.value = query.peek();
        key.current = now;
      } catch (error) {
        reportProblem(error);
      }
    };
    const timer = setTimeout(
      () => void load(),
      page.listScope.value === 'view' ? VIEW_PAUSE_MS : 0,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  });
  return (
    <div class="list">
      <div class="list-head">
        <span class="group" role="group" aria-label="Accesses of">
          {LIST_SCOPES.map((name) => (
            <button
              key={name}
              type="button"
              title={SCOPE_NOTES[name]}
              aria-pressed={scopeNow() === name}
              onClick={() => {
                page.listScope.value = name;
                noteLink();
              }}
            >
              {SCOPE_NAMES[name]}
            </button>
          ))}
        </span>
        {query.value === null ? null : <span class="soft">{describeList(query.value)}</span>}
      </div>
      {query.value === null ? null : (
        <ListRows key={JSON.stringify(query.value)} query={query.value} />
      )}
    </div>
  );
}
