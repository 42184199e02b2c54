// SPDX-License-Identifier: Apache-2.0
// Tabs in a row: one stop for the Tab key, arrows go from one to the next.

import type { JSX } from 'preact';

export interface TabOf<N extends string> {
  readonly name: N;
  readonly text: string;
  readonly title?: string;
}

interface TabRowProps<N extends string> {
  readonly label: string;
  readonly tabs: readonly TabOf<N>[];
  readonly chosen: N;
  /** Id of what the tabs change. */
  readonly panel: string;
  readonly choose: (name: N) => void;
}

export function TabRow<N extends string>(props: TabRowProps<N>): JSX.Element {
  const { label, tabs, chosen, panel, choose } = props;
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(({ name }) => name === chosen);
    const places: { readonly [key: string]: number } = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    const next = tabs[(place + tabs.length) % tabs.length];
    if (next === undefined) return;
    choose(next.name);
    document.getElementById(`tab-${next.name}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(({ name, text, title }) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === chosen}
          aria-controls={panel}
          tabIndex={name === chosen ? 0 : -1}
          title={title}
          onClick={() => choose(name)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
