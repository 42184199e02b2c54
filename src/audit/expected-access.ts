// SPDX-License-Identifier: Apache-2.0

import type { ArchitecturalAccess } from '../isa/index.ts';
import type { RuleName } from './rules.ts';

/** An access that an execution may have: the manual's, or QEMU's own under a rule. */
export interface ExpectedAccess extends ArchitecturalAccess {
  /** QEMU makes it besides. */
  readonly rule?: RuleName;
  /** QEMU may access so many bytes instead, of which the instruction uses the first. */
  readonly wider?: { readonly bytes: number; readonly rule: RuleName };
}
