// SPDX-License-Identifier: Apache-2.0
// The public library.

export * from './base/index.ts';
export * from './format/index.ts';
