// SPDX-License-Identifier: Apache-2.0

/** The name of an output until it is whole. What is there under it is as little one's to remove as the output itself. */
export function partialOf(output: string): string {
  return `${output}.partial`;
}
