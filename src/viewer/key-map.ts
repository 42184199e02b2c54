// SPDX-License-Identifier: Apache-2.0
// What keys do. The help page is drawn from the same table. Pure.

export type KeyAction =
  | 'pan-left'
  | 'pan-right'
  | 'pan-up'
  | 'pan-down'
  | 'zoom-in'
  | 'zoom-out'
  | 'zoom-in-time'
  | 'zoom-out-time'
  | 'zoom-in-address'
  | 'zoom-out-address'
  | 'next-access'
  | 'previous-access'
  | 'step-forward'
  | 'step-back'
  | 'zoom-selection'
  | 'show-all'
  | 'select-middle'
  | 'select-view'
  | 'clear'
  | 'find'
  | 'brush'
  | 'space'
  | 'colours'
  | 'tab-tracks'
  | 'tab-list'
  | 'tab-query'
  | 'start'
  | 'theme'
  | 'help';

interface Key {
  /** KeyboardEvent.key, letters in lower case; "shift+" before it when shift makes a difference. */
  readonly keys: readonly string[];
  readonly action: KeyAction;
  readonly text: string;
  /** Goes on while it is held. */
  readonly held?: boolean;
}

export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly Key[];
}

export const KEY_GROUPS: readonly KeyGroup[] = [
  {
    title: 'Move',
    keys: [
      { keys: ['a', 'arrowleft'], action: 'pan-left', text: 'earlier', held: true },
      { keys: ['d', 'arrowright'], action: 'pan-right', text: 'later', held: true },
      { keys: ['arrowup'], action: 'pan-up', text: 'higher addresses', held: true },
      { keys: ['arrowdown'], action: 'pan-down', text: 'lower addresses', held: true },
      { keys: ['w', '+', '='], action: 'zoom-in', text: 'zoom in', held: true },
      { keys: ['s', '-'], action: 'zoom-out', text: 'zoom out', held: true },
      { keys: ['shift+w'], action: 'zoom-in-time', text: 'zoom in, time alone', held: true },
      { keys: ['shift+s'], action: 'zoom-out-time', text: 'zoom out, time alone', held: true },
      { keys: ['e'], action: 'zoom-in-address', text: 'zoom in, addresses alone', held: true },
      { keys: ['q'], action: 'zoom-out-address', text: 'zoom out, addresses alone', held: true },
      { keys: ['f'], action: 'zoom-selection', text: 'zoom to the selection' },
      { keys: ['0', 'home'], action: 'show-all', text: 'the whole trace' },
    ],
  },
  {
    title: 'Select',
    keys: [
      { keys: ['enter'], action: 'select-middle', text: 'what is in the middle of the map' },
      { keys: ['r'], action: 'select-view', text: 'all that is in view, as a window' },
      { keys: ['j'], action: 'next-access', text: 'next access to the selected bytes' },
      { keys: ['k'], action: 'previous-access', text: 'previous access to them' },
      { keys: ['.'], action: 'step-forward', text: 'the next access of all' },
      { keys: [','], action: 'step-back', text: 'the access before' },
      { keys: ['b'], action: 'brush', text: 'drag to select a window, or to move' },
      { keys: ['escape'], action: 'clear', text: 'end a search, close, or select nothing' },
    ],
  },
  {
    title: 'Show',
    keys: [
      { keys: ['/', 'ctrl+k'], action: 'find', text: 'find, go to, or ask in SQL' },
      { keys: ['v'], action: 'space', text: 'virtual or physical addresses' },
      { keys: ['c'], action: 'colours', text: 'loads and stores together, apart, alone' },
      { keys: ['1'], action: 'tab-tracks', text: 'tracks by vCPU' },
      { keys: ['2'], action: 'tab-list', text: 'list of accesses' },
      { keys: ['3'], action: 'tab-query', text: 'result of a query' },
      { keys: ['i'], action: 'start', text: 'about this trace' },
      { keys: ['t'], action: 'theme', text: 'light or dark' },
      { keys: ['?'], action: 'help', text: 'this page' },
    ],
  },
];

export interface KeyPress {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

interface Bound {
  readonly action: KeyAction;
  readonly held: boolean;
}

const BOUND = new Map<string, Bound>(
  KEY_GROUPS.flatMap(({ keys }) =>
    keys.flatMap(({ keys: names, action, held = false }) =>
      names.map((name) => [name, { action, held }] as const),
    ),
  ),
);

/** Undefined for keys that belong to the browser. Shift is ignored where it makes no other key. */
export function findKey(press: KeyPress): Bound | undefined {
  if (press.altKey) return undefined;
  const key = press.key.toLowerCase();
  if (press.ctrlKey || press.metaKey) return BOUND.get(`ctrl+${key}`);
  return (press.shiftKey ? BOUND.get(`shift+${key}`) : undefined) ?? BOUND.get(key);
}
