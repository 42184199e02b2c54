// SPDX-License-Identifier: Apache-2.0
// What fingers, mouse and wheel do to a surface, in parts of its size: the map, its axes and the tracks share it.

export interface Point {
  /** CSS pixels from the left upper corner of the surface. */
  readonly x: number;
  readonly y: number;
}

export interface GestureHandlers {
  /** Moved by pixels since the last call. */
  pan(dx: number, dy: number): void;
  /** `factor` below 1 zooms in, by axis. */
  zoom(factorX: number, factorY: number, at: Point): void;
  /** Null: the pointer left. */
  point(at: Point | null): void;
  click(at: Point): void;
  doubleClick(at: Point): void;
  /** A brush in progress, then its end; null: it was given up. */
  brush(from: Point, to: Point, isDone: boolean): void;
  /** Whether the wheel is the surface's there; elsewhere it scrolls what is below. */
  takesWheel(at: Point): boolean;
  /** Whether a drag brushes instead of moving. */
  isBrush(event: PointerEvent): boolean;
}

const CLICK_PIXELS = 4;
const WHEEL_RATE = 0.0016;
const PINCH_RATE = 0.01;
const LINE_PIXELS = 16;

/** Returns what takes the listeners away again. */
export function attachGestures(surface: HTMLElement, handlers: GestureHandlers): () => void {
  const pointers = new Map<number, Point>();
  let begin: Point | null = null;
  let isMoving = false;
  let isBrushing = false;
  const stop = new AbortController();
  const options = { signal: stop.signal };

  const placeOf = (event: MouseEvent): Point => {
    const box = surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  surface.addEventListener(
    'pointerdown',
    (event) => {
      if (event.pointerType === 'mouse' && event.button !== 0) return;
      surface.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, placeOf(event));
      if (pointers.size === 1) {
        begin = placeOf(event);
        isMoving = false;
        isBrushing = handlers.isBrush(event);
      } else {
        begin = null;
      }
    },
    options,
  );
  surface.addEventListener(
    'pointermove',
    (event) => {
      const at = placeOf(event);
      const before = pointers.get(event.pointerId);
      if (before === undefined) {
        handlers.point(at);
        return;
      }
      if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
        if (other !== undefined) pinch(handlers, before, at, other);
      } else if (begin !== null) {
        isMoving ||= Math.hypot(at.x - begin.x, at.y - begin.y) > CLICK_PIXELS;
        if (isMoving && isBrushing) handlers.brush(begin, at, false);
        else if (isMoving) handlers.pan(at.x - before.x, at.y - before.y);
        if (!isMoving) return;
      }
      pointers.set(event.pointerId, at);
      handlers.point(isBrushing ? at : null);
    },
    options,
  );
  const end = (event: PointerEvent): void => {
    const isKnown = pointers.delete(event.pointerId);
    if (!isKnown) return;
    const at = placeOf(event);
    if (begin !== null && isMoving && isBrushing) handlers.brush(begin, at, true);
    else if (begin !== null && !isMoving && event.type === 'pointerup') handlers.click(at);
    // A finger that stays moves on, and its end is no click.
    begin = [...pointers.values()][0] ?? null;
    isMoving = true;
    isBrushing = false;
  };
  surface.addEventListener('pointerup', end, options);
  surface.addEventListener('pointercancel', end, options);
  surface.addEventListener('pointerleave', () => handlers.point(null), options);
  surface.addEventListener('dblclick', (event) => handlers.doubleClick(placeOf(event)), options);
  surface.addEventListener(
    'wheel',
    (event) => {
      const at = placeOf(event);
      if (!handlers.takesWheel(at)) return;
      event.preventDefault();
      turnWheel(handlers, event, at);
    },
    { ...options, passive: false },
  );
  return () => {
    stop.abort();
  };
}

function pinch(handlers: GestureHandlers, before: Point, at: Point, other: Point): void {
  const was = Math.hypot(before.x - other.x, before.y - other.y);
  const is = Math.hypot(at.x - other.x, at.y - other.y);
  if (was < 1 || is < 1) return;
  const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
  handlers.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
  handlers.zoom(was / is, was / is, middle);
}

/** Shift: time alone; Alt: addresses alone. A sideways wheel pans. */
function turnWheel(handlers: GestureHandlers, event: WheelEvent, at: Point): void {
  const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1;
  // With Shift, browsers turn the wheel sideways.
  const sideways = event.shiftKey ? 0 : event.deltaX * unit;
  const turn = (event.shiftKey && event.deltaY === 0 ? event.deltaX : event.deltaY) * unit;
  if (Math.abs(sideways) > Math.abs(turn)) {
    handlers.pan(-sideways, 0);
    return;
  }
  const factor = Math.exp(
    Math.max(-1, Math.min(1, turn * (event.ctrlKey ? PINCH_RATE : WHEEL_RATE))),
  );
  handlers.zoom(event.altKey ? 1 : factor, event.shiftKey ? 1 : factor, at);
}
