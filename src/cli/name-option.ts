// SPDX-License-Identifier: Apache-2.0
// An option that takes one of some names.

import { TraceError } from '../base/index.ts';
import { type CommandInput, findText } from './command-spec.ts';

/** One of the names, the first unless given. Throws TraceError 'bad-argument'. */
export function nameFrom<Name extends string>(
  input: CommandInput,
  option: string,
  flag: string,
  names: readonly [Name, ...Name[]],
): Name {
  const text = findText(input, option);
  if (text === undefined) return names[0];
  const known = names.find((name) => name === text);
  if (known !== undefined) return known;
  throw new TraceError('bad-argument', `${flag} is not known`, {
    expected: names.join(', '),
    found: text,
    remedy: `one of those, such as ${flag} ${names[0]}`,
  });
}
