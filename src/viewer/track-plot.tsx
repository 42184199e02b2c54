// SPDX-License-Identifier: Apache-2.0
// One track: uPlot, on the time axis of the map. It is drawn again for new data and moved for a new view.

import { effect, type Signal, signal, useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatCountShort } from '../base/index.ts';
import type { TimeRange, TracksReply, VcpuTrack } from '../server/protocol.ts';
import { type CanvasColours, canvasColours } from './colours.ts';
import * as page from './page-state.ts';
import { tracks } from './track-data.ts';
import { type TrackKind, trackWords } from './track-kinds.ts';
import type { Frame } from './view.ts';

/** In pixels, of every track. */
export const trackHeight: Signal<number> = signal(40);

export function TrackPlot({
  kind,
  vcpu,
  name,
}: {
  kind: TrackKind;
  vcpu: number;
  /** What it is of, in words. */
  name: string;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  // Words follow what came, and not every frame on the way there.
  const time = useSignal<TimeRange>(page.view.peek());
  useSignalEffect(() => {
    void tracks.value;
    time.value = page.view.peek();
  });
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    let plot: uPlot | null = null;
    let lastShown: TracksReply | null = null;
    let lastPlot: uPlot | null = null;
    const trackNow = (): VcpuTrack | undefined =>
      tracks.value?.vcpus.find((track) => track.vcpu === vcpu);
    const stops = [
      // Another size or theme: another plot.
      effect(() => {
        const size = { width: page.mapFrame.value.width, height: trackHeight.value };
        const colours = canvasColours.value;
        plot?.destroy();
        plot = new uPlot(optionsOf(kind, vcpu, size, colours), emptyData(kind), place);
        show();
      }),
      effect(() => {
        void [tracks.value, page.view.value];
        show();
      }),
    ];
    function show(): void {
      const reply = tracks.peek();
      const track = trackNow();
      if (plot === null || reply === null || track === undefined) return;
      const { from, to } = page.view.peek();
      if (lastShown !== reply || lastPlot !== plot) plot.setData(dataOf(kind, reply, track), false);
      lastShown = reply;
      lastPlot = plot;
      plot.setScale('x', { min: from, max: to });
    }
    return () => {
      for (const stop of stops) stop();
      plot?.destroy();
    };
  }, [kind, vcpu]);
  return (
    <div
      class="plot"
      ref={box}
      role="img"
      aria-label={`${name}: ${wordsOf(kind, vcpu, time.value)}`}
    />
  );
}

function wordsOf(kind: TrackKind, vcpu: number, time: TimeRange): string {
  const reply = tracks.value;
  const track = reply?.vcpus.find((one) => one.vcpu === vcpu);
  if (reply === null || track === undefined) return 'not known yet';
  return trackWords(kind, track, reply, time);
}

function emptyData(kind: TrackKind): uPlot.AlignedData {
  return [[], ...Array.from({ length: Math.max(1, kind.series.length) }, () => [])];
}

/** Each value holds until the next begins; the end of the last is a point of its own. */
function dataOf(kind: TrackKind, reply: TracksReply, track: VcpuTrack): uPlot.AlignedData {
  const x = [...reply.begins, reply.end];
  if (kind.series.length === 0) return [x, x.map(() => null)];
  return [
    x,
    ...kind.series.map(({ values }) => {
      const y = values(track, reply).map((value, at) => (reply.known[at] === true ? value : null));
      return [...y, y.at(-1) ?? null];
    }),
  ];
}

function optionsOf(
  kind: TrackKind,
  vcpu: number,
  { width, height }: Frame,
  colours: CanvasColours,
): uPlot.Options {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  if (stepped === undefined) throw new Error('internal: no such paths');
  const series = kind.series.map(({ colour }): uPlot.Series => {
    const stroke = colours.series[colour] ?? 'grey';
    return {
      stroke,
      width: kind.isFilled ? 0 : 1.25,
      ...(kind.isFilled ? { fill: stroke } : {}),
      paths: stepped,
      points: { show: false },
    };
  });
  return {
    width: Math.max(10, width),
    height,
    padding: [2, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    pxAlign: 0,
    scales: {
      x: { time: false, auto: false },
      y: {
        range: (plot, _low, high) => [
          0,
          kind.top ??
            (kind.isSpiky === true ? upperEnd(usualMaximum(plot)) : Math.ceil(upperEnd(high))),
        ],
      },
    },
    axes: [{ show: false }, { show: false }],
    series: [{}, ...(series.length > 0 ? series : [{ show: false }])],
    hooks: {
      draw: [
        (plot) => {
          if (kind.name === 'address-space') drawSpaces(plot, vcpu, colours);
          if (kind.top === null) drawTop(plot, colours);
        },
      ],
    },
  };
}

function upperEnd(high: number): number {
  return high > 0 ? high * 1.08 : 1;
}

/** Of what is visible, without the few columns that stand far above the rest: these are cut off. */
function usualMaximum(plot: uPlot): number {
  const [first, last] = plot.series[0]?.idxs ?? [0, 0];
  const visible = (plot.data[1] ?? [])
    .slice(first, last + 1)
    .filter((value) => value !== null && value !== undefined)
    .sort((a, b) => a - b);
  const most = visible.at(-1) ?? 0;
  const usual = visible[Math.floor(visible.length * 0.75)] ?? 0;
  return Math.min(most, usual * 2.5);
}

/** The upper end of the scale, in its corner, on a ground of its own. */
function drawTop({ ctx, bbox, scales }: uPlot, { soft, card }: CanvasColours): void {
  const text = formatTop(scales['y']?.max ?? 0);
  const size = 10 * devicePixelRatio;
  ctx.save();
  ctx.font = `${size}px system-ui, sans-serif`;
  ctx.fillStyle = card;
  ctx.fillRect(bbox.left, bbox.top, ctx.measureText(text).width + size, size * 1.2);
  ctx.fillStyle = soft;
  ctx.textBaseline = 'top';
  ctx.fillText(text, bbox.left + size / 2, bbox.top + size * 0.1);
  ctx.restore();
}

function formatTop(top: number): string {
  return top < 100 ? String(Number(top.toPrecision(2))) : formatCountShort(Math.round(top));
}

/** Stretches of the same address space, in its colour; a gap before each, where there is room: there are more than colours. */
function drawSpaces(plot: uPlot, vcpu: number, colours: CanvasColours): void {
  const reply = tracks.peek();
  const track = reply?.vcpus.find((one) => one.vcpu === vcpu);
  if (reply === null || track === undefined) return;
  const { ctx, bbox } = plot;
  const { begins } = reply;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (let i = 0; i < begins.length; ) {
    const space = track.addressSpace[i] ?? -1;
    let end = i + 1;
    while (end < begins.length && track.addressSpace[end] === space) end++;
    const left = plot.valToPos(begins[i] ?? 0, 'x', true);
    const right = plot.valToPos(begins[end] ?? reply.end, 'x', true);
    if (space >= 0) {
      ctx.fillStyle = colours.series[space % colours.series.length] ?? 'grey';
      const gap = right - left > 4 * devicePixelRatio ? devicePixelRatio : 0;
      ctx.fillRect(left + gap, bbox.top + bbox.height * 0.2, right - left - gap, bbox.height * 0.6);
    }
    i = end;
  }
  ctx.restore();
}
