// SPDX-License-Identifier: Apache-2.0
// The list of accesses: of the selection, of what is in view, or of all.

import { type Signal, signal, useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { WindowQuery } from '../server/protocol.ts';
import { snapRegion, windowQuery } from './actions.ts';
import { ListRows } from './list-rows.tsx';
import { noteLink } from './navigation.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { type Region, wholeRegion } from './view.ts';
import { LIST_SCOPES, type ListScope } from './view-link.ts';

const SCOPE_NAMES: { readonly [S in ListScope]: string } = {
  selection: 'Selection',
  view: 'In view',
  all: 'All',
};
const VIEW_PAUSE_MS = 400;

/** What the list is of now, for CSV. */
export const listQuery: Signal<WindowQuery | null> = signal(null);

function regionOfScope(of: ListScope): Region {
  const whole = wholeRegion(page.extent.value);
  if (of === 'selection') return page.selected.value ?? whole;
  return of === 'view' ? snapRegion(page.view.value) : whole;
}

export function AccessList(): JSX.Element {
  const query = useSignal<WindowQuery | null>(null);
  const key = useRef('');
  useSignalEffect(() => {
    if (!page.isReady.value) return undefined;
    const region = regionOfScope(page.listScope.value);
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
              aria-pressed={page.listScope.value === name}
              onClick={() => {
                page.listScope.value = name;
                noteLink();
              }}
            >
              {SCOPE_NAMES[name]}
            </button>
          ))}
        </span>
        {page.listScope.value === 'selection' && page.selected.value === null ? (
          <span class="soft">no window is selected: all accesses</span>
        ) : null}
      </div>
      {query.value === null ? null : (
        <ListRows key={JSON.stringify(query.value)} query={query.value} />
      )}
    </div>
  );
}
