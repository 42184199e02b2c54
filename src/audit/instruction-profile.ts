// SPDX-License-Identifier: Apache-2.0
// What the audit expects of an instruction: the manual's accesses, by direction, and those that QEMU is known
// to add.

import {
  type ArchitecturalAccess,
  type CpuMode,
  cpuModeOfHflags,
  type DecodedInstruction,
  type Direction,
  decodeInstruction,
} from '../isa/index.ts';
import type { RuleName } from './rules.ts';

/** An access that an execution may have: the manual's, or QEMU's own under a rule. */
export interface ExpectedAccess extends ArchitecturalAccess {
  /** QEMU makes it besides. */
  readonly rule?: RuleName;
}

export interface InstructionProfile {
  /** '(mode unknown)' when it could not be decoded for that. */
  readonly mnemonic: string;
  /** Undefined when nothing is known of it: what it accesses is unexplained. */
  readonly decoded: DecodedInstruction | undefined;
  readonly loads: readonly ExpectedAccess[];
  readonly stores: readonly ExpectedAccess[];
}

export interface ProfileSource {
  profileOf(bytes: Uint8Array, hflags: number | undefined): InstructionProfile;
}

/** Profiles by bytes and mode: a kernel's code has each many times. */
export function profileSource(): ProfileSource {
  const byMode = new Map<number, Map<string, InstructionProfile>>();
  return {
    profileOf(bytes, hflags) {
      if (hflags === undefined) return UNKNOWN_MODE;
      let profiles = byMode.get(hflags);
      if (profiles === undefined) {
        profiles = new Map();
        byMode.set(hflags, profiles);
      }
      const key = String.fromCharCode(...bytes);
      let profile = profiles.get(key);
      if (profile === undefined) {
        profile = makeProfile(bytes, cpuModeOfHflags(hflags));
        profiles.set(key, profile);
      }
      return profile;
    },
  };
}

const UNKNOWN_MODE: InstructionProfile = {
  mnemonic: '(mode unknown)',
  decoded: undefined,
  loads: [],
  stores: [],
};

function makeProfile(bytes: Uint8Array, mode: CpuMode): InstructionProfile {
  const decoded = decodeInstruction(bytes, mode);
  // QEMU and the decoder do not agree on what this is.
  if (decoded.length !== bytes.length && decoded.mnemonic !== '(bad)') {
    return { mnemonic: '(length differs)', decoded: undefined, loads: [], stores: [] };
  }
  const expected = withKnownAdditions(decoded);
  const only = (direction: Direction): readonly ExpectedAccess[] =>
    expected.filter((access) => access.direction === direction);
  return { mnemonic: decoded.mnemonic, decoded, loads: only('load'), stores: only('store') };
}

function withKnownAdditions(decoded: DecodedInstruction): readonly ExpectedAccess[] {
  const { accesses, mnemonic, isLocked } = decoded;
  if (/(^|\s)ins[bwd]$/.test(mnemonic)) {
    return accesses.flatMap((access) =>
      access.kind === 'string' ? [{ ...access, rule: 'ins-probe' as const }, access] : [access],
    );
  }
  if (mnemonic === 'neg' && isLocked) {
    return accesses.flatMap((access) =>
      access.direction === 'load' ? [{ ...access, rule: 'locked-neg' as const }, access] : [access],
    );
  }
  return accesses;
}
