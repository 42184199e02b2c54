// SPDX-License-Identifier: Apache-2.0
// Which rows of a long list are on the screen: they are asked for as it is scrolled, and counted beside.

import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { AccessRow, WindowQuery } from '../server/protocol.ts';
import { api } from './api-client.ts';
import { reportProblem } from './problems.ts';
import { RowSource } from './row-source.ts';
import { type ScrollMap, scrollMap } from './scroll-map.ts';

/** In pixels, as in the style sheet; of the names of columns above them, too. */
const ROW_HEIGHT = 20;
const AHEAD = 20;

export interface RowWindow {
  /** Of what is scrolled: the names of columns, and the rows. */
  readonly box: RefObject<HTMLDivElement | null>;
  readonly source: RowSource<AccessRow>;
  /** Rows of which some part may be seen. */
  readonly first: number;
  readonly end: number;
  /** Rows that are seen in whole, whatever they are. */
  readonly whole: number;
  readonly height: number;
  /** The row at the top. */
  readonly scrollTo: (row: number) => void;
  /** No further than until it can be seen. */
  readonly bring: (row: number) => void;
  readonly onScroll: () => void;
  readonly onWheel: (event: WheelEvent) => void;
}

export function useRowWindow(query: WindowQuery): RowWindow {
  const version = useSignal(0);
  const first = useSignal(0);
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
      viewHeight.value = place.clientHeight - ROW_HEIGHT;
    });
    watch.observe(place);
    source.want(0, 1);
    return () => {
      watch.disconnect();
      source.stop();
    };
  }, []);
  void version.value;
  const { total } = source;
  const map: ScrollMap = scrollMap(total, ROW_HEIGHT, viewHeight.value);
  const isScaled = total * ROW_HEIGHT > map.height;
  const end = Math.min(total, first.value + Math.ceil(viewHeight.value / ROW_HEIGHT) + 1);
  const whole = Math.max(1, Math.floor(viewHeight.value / ROW_HEIGHT));
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
  return {
    ...{ box, source, first: first.value, end, whole, height: map.height, scrollTo },
    bring(row) {
      if (row < first.peek()) scrollTo(row);
      else if (row >= first.peek() + whole) scrollTo(row - whole + 1);
    },
    onScroll() {
      const scrollTop = box.current?.scrollTop ?? 0;
      // Where the bar is in proportion, rows that were scrolled to one by one stay.
      if (isScaled && Math.abs(scrollTop - map.scrollTop(first.peek())) <= 1) return;
      first.value = map.firstRow(scrollTop);
    },
    onWheel(event) {
      if (!isScaled) return;
      event.preventDefault();
      const rows = Math.trunc(event.deltaY / ROW_HEIGHT) || Math.sign(event.deltaY);
      scrollTo(first.peek() + rows);
    },
  };
}
