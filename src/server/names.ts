// SPDX-License-Identifier: Apache-2.0
// Names to choose from while one is typed: those of code that ran, and of data, before others.

import { u64FromBigint } from '../base/index.ts';
import { formatSymbol, type SymbolPlace } from '../symbols/index.ts';
import type { NamesReply } from './protocol.ts';
import type { Session } from './session.ts';

type FindNames = (part: string, limit: number) => NamesReply;

/** Looks at each block of the trace once, when it is asked first. */
export function createNames({ trace: { code }, symbols }: Session): FindNames {
  let ran: ReadonlySet<string> | undefined;
  const keyOf = ({ module, name }: Pick<SymbolPlace, 'module' | 'name'>): string =>
    `${module} ${name}`;
  const findRan = (): ReadonlySet<string> => {
    const found = new Set<string>();
    for (let block = 0; block < code.blockCount; block++) {
      const { lo, hi } = u64FromBigint(code.vaddr(block));
      const place = symbols.findCode(block, lo, hi);
      if (place !== undefined) found.add(keyOf(place));
    }
    return found;
  };
  return (part, limit) => {
    ran ??= findRan();
    const all = ran;
    const hasRun = (module: string, name: string): boolean => all.has(keyOf({ module, name }));
    const names = symbols.namesLike(
      part,
      limit,
      ({ module, placeName, what }) => what === 'data' || hasRun(module, placeName),
    );
    return {
      names: names.map(({ name, module, what, placeName }) => ({
        name: formatSymbol({ name, module, offset: 0 }),
        what,
        ran: what === 'code' ? hasRun(module, placeName) : null,
      })),
    };
  };
}
