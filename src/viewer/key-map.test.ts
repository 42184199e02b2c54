// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { findKey, KEY_GROUPS } from './key-map.ts';

const plain = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };

describe('keys', () => {
  it('are bound once', () => {
    const names = KEY_GROUPS.flatMap(({ keys }) => keys.flatMap((key) => key.keys));
    expect(new Set(names).size).toBe(names.length);
    const actions = KEY_GROUPS.flatMap(({ keys }) => keys.map(({ action }) => action));
    expect(new Set(actions).size).toBe(actions.length);
  });

  it('do what the help page says', () => {
    expect(findKey({ ...plain, key: 'w' })).toEqual({ action: 'zoom-in', held: true });
    expect(findKey({ ...plain, key: 'W', shiftKey: true })?.action).toBe('zoom-in-time');
    expect(findKey({ ...plain, key: 'W' })?.action).toBe('zoom-in');
    expect(findKey({ ...plain, key: '?', shiftKey: true })?.action).toBe('help');
    expect(findKey({ ...plain, key: '+', shiftKey: true })?.action).toBe('zoom-in');
    expect(findKey({ ...plain, key: 'k', ctrlKey: true })?.action).toBe('find');
    expect(findKey({ ...plain, key: 'k', metaKey: true })?.action).toBe('find');
    expect(findKey({ ...plain, key: 'k' })?.action).toBe('previous-access');
    expect(findKey({ ...plain, key: 'ArrowLeft' })?.action).toBe('pan-left');
  });

  it('leave the browser its own', () => {
    expect(findKey({ ...plain, key: 'w', ctrlKey: true })).toBeUndefined();
    expect(findKey({ ...plain, key: 'd', altKey: true })).toBeUndefined();
    expect(findKey({ ...plain, key: 'Tab' })).toBeUndefined();
    expect(findKey({ ...plain, key: 'F5' })).toBeUndefined();
  });
});
