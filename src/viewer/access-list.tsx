// SPDX-License-Identifier: Apache-2.0
// The list of accesses: of the selection, of what is in view, or of all; rows come while it is scrolled.

import { type Signal, signal, useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount } from '../base/index.ts';
import type { AccessRow, WindowQuery } from '../server/protocol.ts';
import { showAccess, snapRegion, windowQuery } from './actions.ts';
import { api } from './api-client.ts';
import { LIST_COLUMNS } from './list-columns.ts';
import { noteLink } from './navigation.ts';
import * as page from './page-state.ts';
import { placeParts } from './place-parts.ts';
import { reportProblem } from './problems.ts';
import { RowSource } from './row-source.ts';
import { scrollMap } from './scroll-map.ts';
import { type Region, wholeRegion } from './view.ts';
import { LIST_SCOPES, type ListScope } from './view-link.ts';

const SCOPE_NAMES: { readonly [S in ListScope]: string } = {
  selection: 'Selection',
  view: 'In view',
  all: 'All',
};
const ROW_HEIGHT = 20;
const AHEAD = 20;
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
      {query.value === null ? null : <Rows key={JSON.stringify(query.value)} query={query.value} />}
    </div>
  );
}

function Rows({ query }: { query: WindowQuery }): JSX.Element {
  const version = useSignal(0);
  const first = useSignal(0);
  /** The row that keys are at. */
  const active = useSignal<number | null>(null);
  const viewHeight = useSignal(200);
  const box = useRef<HTMLDivElement>(null);
  const source = useMemo(
    () =>
      new RowSource<AccessRow>(
        (offset, count, aborted) => api.accesses({ ...query, offset, count }, aborted),
        () => {
          version.value++;
        },
        reportProblem,
      ),
    [],
  );
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    const watch = new ResizeObserver(() => {
      viewHeight.value = place.clientHeight;
    });
    watch.observe(place);
    source.want(0, 1);
    return () => {
      watch.disconnect();
      source.stop();
    };
  }, []);
  void version.value;
  const { total, counted } = source;
  const map = scrollMap(total, ROW_HEIGHT, viewHeight.value);
  const isScaled = total * ROW_HEIGHT > map.height;
  const shown = Math.ceil(viewHeight.value / ROW_HEIGHT) + 1;
  const end = Math.min(total, first.value + shown);
  useEffect(() => {
    if (total > 0) source.want(Math.max(0, first.value - AHEAD), end + AHEAD);
  }, [first.value, end, total]);
  // As it is counted, what is shown stays, and the bar is where that is now.
  useEffect(() => {
    const place = box.current;
    if (place !== null && isScaled) place.scrollTop = map.scrollTop(first.peek());
  }, [total]);
  const scrollTo = (row: number): void => {
    const place = box.current;
    if (place === null) return;
    first.value = Math.max(0, Math.min(row, total - Math.floor(viewHeight.peek() / ROW_HEIGHT)));
    place.scrollTop = map.scrollTop(first.peek());
  };
  const activate = (wanted: number): void => {
    const row = Math.max(0, Math.min(wanted, total - 1));
    active.value = row;
    const whole = Math.max(1, Math.floor(viewHeight.peek() / ROW_HEIGHT));
    if (row < first.peek()) scrollTo(row);
    else if (row >= first.peek() + whole) scrollTo(row - whole + 1);
  };
  // An access that is shown elsewhere is brought into view, when the list is of everything.
  const shownAccess = page.access.value;
  const rowShown = (): number | null => {
    if (shownAccess === null || query.lowAddress !== undefined) return null;
    const row = shownAccess - query.from;
    return row >= 0 && row < total ? row : null;
  };
  useEffect(() => {
    const row = rowShown();
    if (row === null || (row >= first.peek() && row < first.peek() + shown - 2)) return;
    scrollTo(row - Math.floor(shown / 2));
  }, [shownAccess, total > 0]);
  return (
    <>
      <div class="list-count soft" role="status">
        {counted ? '' : 'at least '}
        {formatCount(total)} accesses
      </div>
      <div class="list-names" aria-hidden="true">
        {LIST_COLUMNS.map(({ name, title }) => (
          <span key={name} class={`c-${name}`}>
            {title}
          </span>
        ))}
      </div>
      <div
        class="list-rows"
        ref={box}
        role="grid"
        aria-label="Accesses; arrow keys choose one, Enter shows it"
        aria-rowcount={total}
        aria-activedescendant={active.value === null ? undefined : `row-${active.value}`}
        tabIndex={0}
        onScroll={(event) => {
          const row = map.firstRow(event.currentTarget.scrollTop);
          // Where the bar is in proportion, rows that were scrolled to one by one stay.
          if (
            !isScaled ||
            Math.abs(event.currentTarget.scrollTop - map.scrollTop(first.peek())) > 1
          ) {
            first.value = row;
          }
        }}
        onWheel={(event) => {
          if (!isScaled) return;
          event.preventDefault();
          const rows = Math.trunc(event.deltaY / ROW_HEIGHT) || Math.sign(event.deltaY);
          scrollTo(first.peek() + rows);
        }}
        onKeyDown={(event) => {
          const at = active.peek() ?? rowShown() ?? first.peek();
          const row = source.find(at);
          if (event.key === 'Enter' && row !== undefined) void showAccess(row.ordinal);
          else onListKey(event, at, shown - 2, total, activate);
        }}
      >
        <div class="list-room" style={{ height: `${map.height}px` }} />
        <div class="list-window">
          {Array.from({ length: Math.max(0, end - first.value) }, (_, i) => {
            const row = first.value + i;
            return (
              <Row
                key={row}
                index={row}
                row={source.find(row)}
                isRefused={source.isRefused(row)}
                isActive={row === active.value}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** A name that is too long for its column is cut, and its offset is not. */
function Place({ text }: { text: string }): JSX.Element {
  const [words, offset] = placeParts(text);
  return (
    <>
      <span>{words.join('')}</span>
      <span class="offset">{offset}</span>
    </>
  );
}

function onListKey(
  event: KeyboardEvent,
  at: number,
  shown: number,
  total: number,
  activate: (row: number) => void,
): void {
  const by: { readonly [key: string]: number } = {
    ArrowUp: -1,
    ArrowDown: 1,
    PageUp: -shown,
    PageDown: shown,
    Home: -total,
    End: total,
  };
  const rows = by[event.key];
  if (rows === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  activate(at + rows);
}

function Row({
  index,
  row,
  isRefused,
  isActive,
}: {
  index: number;
  row: AccessRow | undefined;
  isRefused: boolean;
  isActive: boolean;
}): JSX.Element {
  if (row === undefined) {
    return (
      <div class="row soft" role="row" id={`row-${index}`} aria-rowindex={index + 1}>
        <span role="gridcell">{isRefused ? 'cannot be read' : '…'}</span>
      </div>
    );
  }
  const isShown = page.access.value === row.ordinal;
  return (
    <div
      class={`row${isShown ? ' shown' : ''}${isActive ? ' active' : ''}`}
      role="row"
      id={`row-${index}`}
      aria-rowindex={index + 1}
      aria-selected={isShown}
      data-ordinal={row.ordinal}
      onClick={() => void showAccess(row.ordinal)}
    >
      {LIST_COLUMNS.map(({ name, text, isCode, isNumber }) => (
        <span
          key={name}
          role="gridcell"
          class={`c-${name}${isCode === true ? ' code' : ''}${isNumber === true ? ' n' : ''}${name === 'kind' ? ` ${row.kind}` : ''}`}
          title={text(row)}
        >
          {name === 'place' ? <Place text={text(row)} /> : text(row)}
        </span>
      ))}
    </div>
  );
}
