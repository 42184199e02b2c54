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
  type QemuOmissionName,
  qemuOmission,
} from '../isa/index.ts';
import type { ExpectedAccess } from './expected-access.ts';
import { withKnownAdditions } from './qemu-additions.ts';

/** By direction: one whole set of accesses. */
export interface ExpectedForm {
  readonly loads: readonly ExpectedAccess[];
  readonly stores: readonly ExpectedAccess[];
  /** It is what QEMU leaves of the manual's. */
  readonly omission?: QemuOmissionName;
}

export interface InstructionProfile extends ExpectedForm {
  /** '(mode unknown)' when it could not be decoded for that. */
  readonly mnemonic: string;
  /** Undefined when nothing is known of it: what it accesses is unexplained. */
  readonly decoded: DecodedInstruction | undefined;
  /** What an execution may have instead. */
  readonly otherForms: readonly ExpectedForm[];
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

function unknown(mnemonic: string): InstructionProfile {
  return { mnemonic, decoded: undefined, loads: [], stores: [], otherForms: [] };
}

const UNKNOWN_MODE: InstructionProfile = unknown('(mode unknown)');

function makeProfile(bytes: Uint8Array, mode: CpuMode): InstructionProfile {
  const decoded = decodeInstruction(bytes, mode);
  const { mnemonic, accesses, otherForms } = decoded;
  // QEMU and the decoder do not agree on what this is.
  if (decoded.length !== bytes.length && mnemonic !== '(bad)') return unknown('(length differs)');
  const form = (prescribed: readonly ArchitecturalAccess[]): ExpectedForm => {
    const expected = withKnownAdditions(decoded, prescribed);
    const only = (direction: Direction): readonly ExpectedAccess[] =>
      expected.filter((access) => access.direction === direction);
    return { loads: only('load'), stores: only('store') };
  };
  const omission = qemuOmission(decoded);
  const forms = otherForms.map(form);
  if (omission !== undefined) forms.push({ ...form(omission.made), omission: omission.name });
  return { mnemonic, decoded, ...form(accesses), otherForms: forms };
}
