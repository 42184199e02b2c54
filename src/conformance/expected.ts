// SPDX-License-Identifier: Apache-2.0
// What a case has to access, worked out from its statements for one QEMU.

import { assertNever, requireDefined } from '../base/index.ts';
import type { Access, GuestFile, SourceLine } from '../guests/index.ts';
import { HOLES, type HoleName, RULES, type RuleName } from './explanations.ts';
import type { GuestCase, GuestSource } from './guest-source.ts';
import { sourceError } from './source-error.ts';
import type {
  AccessList,
  EventBy,
  HoleUse,
  InstructionStatement,
  RuleUse,
  Statement,
} from './statements.ts';
import { isInRange, type Target } from './version-range.ts';
import { type AccessWord, ELEMENT, evaluate, type Lookup, type Word } from './words.ts';

/** An access or an event, with what a report says of the instruction. */
export type Happening = AccessHappening | EventHappening;

export interface AccessHappening {
  readonly kind: 'access';
  readonly access: ExpectedAccess;
  readonly line: SourceLine | undefined;
  /** It is known that QEMU does not show it. */
  readonly hole: HoleName | undefined;
}

export type ExpectedAccess = Omit<Access, 'stream' | 'ordinal' | 'vcpu'>;

export interface EventHappening {
  readonly kind: 'event';
  readonly vector: number;
  readonly by: EventBy;
  /** 0 for vectors without. */
  readonly error: bigint;
  /** Of page faults. */
  readonly cr2: bigint | undefined;
  readonly at: bigint;
  /** It is known that QEMU does not tell of it. */
  readonly hole: HoleName | undefined;
}

export interface Expectation {
  readonly happenings: readonly Happening[];
  readonly instructions: number;
  /** The instructions whose accesses have no order, by instructionKey. */
  readonly unordered: ReadonlySet<string>;
  readonly rules: ReadonlySet<RuleName>;
}

/** Of one execution of an instruction in a case. */
export function instructionKey(icount: number, pc: bigint): string {
  return `${icount} ${pc.toString(16)}`;
}

/** Throws Error that names the line of a mistake. */
export function expectationOf(
  guest: GuestFile,
  source: GuestSource,
  { before, body }: Pick<GuestCase, 'before' | 'body'>,
  target: Target,
): Expectation {
  const walk = new Walk(guest, source, target);
  walk.runAll(before, new Map());
  walk.runAll(body, new Map());
  return walk;
}

/** Of a page walk in an event's delivery, of an event at no known place: docs/format.md 3.6. */
const NO_PC = 2n ** 64n - 1n;

type Scope = ReadonlyMap<string, bigint>;

class Walk implements Expectation {
  readonly happenings: Happening[] = [];
  readonly unordered: Set<string> = new Set<string>();
  readonly rules: Set<RuleName> = new Set<RuleName>();
  instructions = 0;
  readonly #guest: GuestFile;
  readonly #source: GuestSource;
  readonly #target: Target;
  #cpl = 0;
  #cr3: bigint;
  /** What is added to the address of a label: code may run elsewhere than it was assembled for. */
  #codeOffset = 0n;

  constructor(guest: GuestFile, source: GuestSource, target: Target) {
    this.#guest = guest;
    this.#source = source;
    this.#target = target;
    this.#cr3 = guest.symbols.get('TABLES') ?? 0n;
  }

  runAll(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) {
      try {
        this.#run(statement, scope);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith(statement.line.file)) throw error;
        throw sourceError(statement.line, error instanceof Error ? error.message : String(error));
      }
    }
  }

  #run(statement: Statement, scope: Scope): void {
    switch (statement.kind) {
      case 'instruction':
        this.#runInstruction(statement, scope);
        break;
      case 'silent':
        this.instructions += Number(this.#value(statement.count, scope));
        break;
      case 'event':
        this.#runEvent(statement, scope);
        break;
      case 'repeat': {
        const count = Number(this.#value(statement.count, scope));
        for (let i = 0; i < count; i++) {
          this.runAll(statement.body, new Map([...scope, [statement.variable, BigInt(i)]]));
        }
        break;
      }
      case 'run': {
        const called = requireDefined(
          this.#source.sequences.get(statement.name),
          `a sequence "${statement.name}"`,
        );
        this.runAll(called.body, this.#bind(called.params, statement.args, scope));
        break;
      }
      case 'cpl':
        this.#cpl = Number(this.#value(statement.value, scope));
        break;
      case 'cr3':
        this.#cr3 = this.#value(statement.value, scope);
        break;
      case 'code':
        this.#codeOffset = this.#value(statement.value, scope);
        break;
      case 'when':
        if (this.#applies(statement.rule) === statement.applies) {
          this.#run(statement.statement, scope);
        }
        break;
      default:
        assertNever(statement);
    }
  }

  #runInstruction(statement: InstructionStatement, scope: Scope): void {
    const { line } = statement;
    const pc = this.#place(statement.at, scope);
    let list = statement.accesses;
    const deviation = statement.deviations.find(({ rule }) => this.#applies(rule));
    if (deviation !== undefined) {
      this.#requireAllowed(deviation.rule, list, deviation.accesses, pc, scope);
      list = deviation.accesses;
    }
    if (list.unordered) this.unordered.add(instructionKey(this.instructions, pc));
    const hole = this.#holeOf(statement.hole);
    for (const access of this.#accesses(list.words, pc, scope, 'instruction')) {
      this.happenings.push({ kind: 'access', access, line, hole });
    }
    for (const access of this.#accesses(statement.shown.words, pc, scope, 'instruction')) {
      this.happenings.push({ kind: 'access', access, line, hole: undefined });
    }
    if (!statement.attempt) this.instructions++;
  }

  #runEvent(statement: Extract<Statement, { kind: 'event' }>, scope: Scope): void {
    const { line, by, error, cr2 } = statement;
    const at = statement.at === undefined ? NO_PC : this.#place(statement.at, scope);
    const hole = this.#holeOf(statement.hole);
    this.happenings.push({
      kind: 'event',
      vector: Number(this.#value(statement.vector, scope)),
      by,
      error: error === undefined ? 0n : this.#value(error, scope),
      cr2: cr2 === undefined ? undefined : this.#value(cr2, scope),
      at,
      hole: statement.hole?.accessesOnly === true ? undefined : hole,
    });
    for (const access of this.#accesses(statement.words, at, scope, 'eventDelivery')) {
      this.happenings.push({ kind: 'access', access, line, hole });
    }
  }

  #accesses(
    words: readonly Word[],
    pc: bigint,
    scope: Scope,
    origin: 'instruction' | 'eventDelivery',
  ): ExpectedAccess[] {
    return words.flatMap((word) => {
      switch (word.kind) {
        case 'access':
          return [this.#access(word, pc, scope, origin)];
        case 'repeat':
          return Array.from({ length: Number(this.#value(word.count, scope)) }, (_, i) =>
            this.#accesses(word.words, pc, new Map([...scope, [ELEMENT, BigInt(i)]]), origin),
          ).flat();
        case 'call': {
          const called = requireDefined(
            this.#source.definitions.get(word.name),
            `a definition "${word.name}"`,
          );
          const inner = this.#bind(called.params, word.args, scope);
          return this.#accesses(called.words, pc, inner, origin);
        }
        default:
          return assertNever(word);
      }
    });
  }

  #access(
    word: AccessWord,
    pc: bigint,
    scope: Scope,
    origin: 'instruction' | 'eventDelivery',
  ): ExpectedAccess {
    const vaddr = this.#value(word.where, scope);
    const { frame, secondFrame, size, store, aborted, device } = word;
    const isWalkOfDelivery = word.origin === 'pageWalk' && origin === 'eventDelivery';
    return {
      icount: this.instructions,
      pc: isWalkOfDelivery ? NO_PC : pc,
      vaddr,
      paddr: frame === undefined ? vaddr : this.#value(frame, scope),
      secondPaddr: secondFrame === undefined ? undefined : this.#value(secondFrame, scope),
      size,
      store,
      aborted,
      device,
      origin: word.origin === 'pageWalk' ? 'pageWalk' : origin,
      cpl: this.#cpl,
      cr3: this.#cr3,
    };
  }

  #bind(params: readonly string[], args: readonly string[], scope: Scope): Scope {
    if (params.length !== args.length) throw new Error(`${params.length} arguments are needed`);
    return new Map(params.map((name, i) => [name, this.#value(args[i] ?? '', scope)]));
  }

  #value(text: string, scope: Scope): bigint {
    const lookup: Lookup = (name) => scope.get(name) ?? this.#guest.symbols.get(name);
    return evaluate(text, lookup);
  }

  #place(text: string, scope: Scope): bigint {
    return this.#value(text, scope) + this.#codeOffset;
  }

  #applies({ name, range }: RuleUse): boolean {
    const applies = isInRange(this.#target, RULES[name].range) && isInRange(this.#target, range);
    if (applies) this.rules.add(name);
    return applies;
  }

  #holeOf(hole: HoleUse | undefined): HoleName | undefined {
    if (hole === undefined) return undefined;
    const { name, range } = hole;
    const applies = isInRange(this.#target, HOLES[name].range) && isInRange(this.#target, range);
    return applies ? name : undefined;
  }

  /** Only a rule of the kind 'less' excuses that an access is not there. */
  #requireAllowed(
    { name }: RuleUse,
    manual: AccessList,
    qemu: AccessList,
    pc: bigint,
    scope: Scope,
  ): void {
    const bytesOf = (list: AccessList): string[] =>
      this.#accesses(list.words, pc, scope, 'instruction').flatMap((access) =>
        Array.from(
          { length: access.size },
          (_, i) => `${access.store ? 'w' : 'r'}${access.vaddr + BigInt(i)}`,
        ),
      );
    const found = new Set(bytesOf(qemu));
    const wanted = bytesOf(manual);
    const { allows } = RULES[name];
    const isWhole = wanted.every((byte) => found.has(byte));
    const isMore = found.size > new Set(wanted).size;
    if (allows === 'less' ? isWhole : !isWhole) {
      throw new Error(
        `rule ${name} leaves out ${isWhole ? 'nothing of ' : ''}what the manual prescribes`,
      );
    }
    if (allows === 'order' && isMore) throw new Error(`rule ${name} allows another order only`);
    if (allows === 'less' && ![...found].every((byte) => wanted.includes(byte))) {
      throw new Error(`rule ${name} adds to what the manual prescribes`);
    }
  }
}
