// SPDX-License-Identifier: Apache-2.0
// Rows of the list of accesses, below the names of their columns: a grid whose rows are chosen by keys or a click.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { formatQuantity } from '../base/index.ts';
import type { AccessRow, WindowQuery } from '../server/protocol.ts';
import { showAccess } from './actions.ts';
import { LIST_COLUMNS } from './list-columns.ts';
import * as page from './page-state.ts';
import { placeParts } from './place-parts.ts';
import { useRowWindow } from './row-window.ts';

export function ListRows({ query }: { query: WindowQuery }): JSX.Element {
  const rows = useRowWindow(query);
  const { source, first, end, whole, scrollTo } = rows;
  const { total, counted } = source;
  /** The row that keys are at. */
  const active = useSignal<number | null>(null);
  const activate = (wanted: number): void => {
    active.value = Math.max(0, Math.min(wanted, total - 1));
    rows.bring(active.peek() ?? 0);
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
    if (row === null || (row >= first && row < first + whole)) return;
    scrollTo(row - Math.floor(whole / 2));
  }, [shownAccess, total > 0]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = active.peek() ?? rowShown() ?? first;
    const row = source.find(at);
    if (event.key === 'Enter' && row !== undefined) void showAccess(row.ordinal);
    else onListKey(event, at, whole, total, activate);
  };
  return (
    <>
      <div class="list-count soft">
        {counted ? '' : 'at least '}
        {formatQuantity(total, 'access', 'accesses')}
      </div>
      <div class="unseen" role="status">
        {/* While it is counted the number changes all the time: it is said when it is known. */}
        {counted ? `${formatQuantity(total, 'access', 'accesses')} in the list` : ''}
      </div>
      <div
        class="list-rows"
        ref={rows.box}
        role="grid"
        aria-label="Accesses; arrow keys choose one, Enter shows it"
        aria-rowcount={counted ? total + 1 : -1}
        aria-activedescendant={active.value === null ? undefined : `row-${active.value}`}
        tabIndex={0}
        onScroll={rows.onScroll}
        onWheel={rows.onWheel}
        onKeyDown={onKeyDown}
      >
        <div class="list-names" role="row" aria-rowindex={1}>
          {LIST_COLUMNS.map(({ name, title, note }) => (
            <span key={name} role="columnheader" class={`c-${name}`} title={note}>
              {title}
            </span>
          ))}
        </div>
        <div class="list-room" style={{ height: `${rows.height}px` }} />
        <div class="list-window" role="rowgroup">
          {Array.from({ length: Math.max(0, end - first) }, (_, i) => {
            const row = first + i;
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
      <div class="row soft" role="row" id={`row-${index}`} aria-rowindex={index + 2}>
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
      aria-rowindex={index + 2}
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
