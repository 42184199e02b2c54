// SPDX-License-Identifier: Apache-2.0
// What has the focus may go, with the answer that it was part of: who works by keys would begin again at the top of the
// page. The focus goes to what comes in its place (the same id), and until then to what held it, or the map.

/** Returns what stops it. */
export function startFocusKeeper(): () => void {
  let held: HTMLElement | null = null;
  /** What can take the focus around it, the nearest first. */
  let around: readonly HTMLElement[] = [];
  /** An id that may come back while its stand-in has the focus. */
  let wanted: { readonly id: string; readonly standIn: HTMLElement } | null = null;
  const remember = ({ target }: FocusEvent): void => {
    if (!(target instanceof HTMLElement)) return;
    held = target;
    around = holdersOf(target);
    if (target !== wanted?.standIn) wanted = null;
  };
  const keep = (): void => {
    const { activeElement } = document;
    if (
      held !== null &&
      !held.isConnected &&
      (activeElement === document.body || activeElement === null)
    ) {
      const { id } = held;
      const standIn = around.find((one) => one.isConnected) ?? document.getElementById('map');
      wanted = id === '' || standIn === null ? null : { id, standIn };
      standIn?.focus({ preventScroll: true });
    }
    if (wanted !== null && document.activeElement === wanted.standIn) {
      document.getElementById(wanted.id)?.focus({ preventScroll: true });
    }
  };
  document.addEventListener('focusin', remember);
  const watch = new MutationObserver(keep);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', remember);
    watch.disconnect();
  };
}

function holdersOf(element: HTMLElement): HTMLElement[] {
  const holders: HTMLElement[] = [];
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (at.hasAttribute('tabindex')) holders.push(at);
  }
  return holders;
}
