// SPDX-License-Identifier: Apache-2.0
// The part of TextDecoder that this module uses, the same in Node and in a browser; the types of either are
// not visible here.

declare class TextDecoder {
  constructor(encoding?: 'utf-8' | 'latin1');
  decode(bytes: Uint8Array): string;
}
