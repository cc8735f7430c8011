import { CheckpointError } from '../../errors.ts';
import type { Cursor } from './cursor.ts';
import type { CallTable, PickleValue } from './values.ts';

/**
 * Work one pickle may cause, in opcodes plus what they copy or allocate (see COST): 130 for a tensor. That of a
 * ResNet-50 with its optimizer takes 63,000; a million are done in half a second at most.
 */
const WORK_LIMIT = 1_000_000;

/** Unfinished containers inside each other. Python's own pickler stops near 300, at its recursion limit. */
const DEPTH_LIMIT = 1_000;

/** Work units of what costs more than an opcode, by the memory or time it takes. */
export const COST = { integer: 4, memo: 3, mark: 4, sequence: 4, dict: 16, placeholder: 24 } as const;

/** What the file format around a pickle provides. */
export interface PickleHost {
  /** Globals that may be applied to arguments; every other call becomes a placeholder. */
  readonly calls: CallTable;
  /** The value behind a persistent id. */
  readonly persistentLoad: (id: PickleValue) => PickleValue;
  /** Work that the pickle may cause, where it is more than that of a checkpoint. */
  readonly workLimit?: number;
}

/** The state of the pickle machine: a stack, the stacks below open marks, the memo; all bounded by the work limit. */
export class Machine {
  readonly cursor: Cursor;
  readonly host: PickleHost;
  #stack: PickleValue[] = [];
  readonly #below: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();
  #work = 0;

  constructor(cursor: Cursor, host: PickleHost) {
    this.cursor = cursor;
    this.host = host;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw malformed('it takes a value from an empty stack');
    return value;
  }

  /** The last `count` values, in the order they were pushed. */
  popLast(count: number): PickleValue[] {
    if (this.#stack.length < count) throw malformed('it takes a value from an empty stack');
    return this.#stack.splice(-count);
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw malformed('it looks at an empty stack');
    return value;
  }

  mark(): void {
    if (this.#below.length >= DEPTH_LIMIT) throw malformed(`it nests containers more than ${DEPTH_LIMIT} deep`);
    this.charge(COST.mark);
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** Everything pushed since the last mark, which is gone. The caller owns the array. */
  popToMark(): PickleValue[] {
    const below = this.#below.pop();
    if (below === undefined) throw malformed('it ends a container that it never began');
    const items = this.#stack;
    this.#stack = below;
    return items;
  }

  /** Forgets the top value, or the mark where nothing lies above it. */
  drop(): void {
    if (this.#stack.length > 0) this.#stack.pop();
    else this.popToMark();
  }

  memoize(index: number = this.#memo.size): void {
    this.charge(COST.memo);
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw malformed(`it refers to memo entry ${index}, which it never wrote`);
    this.push(value);
  }

  /** STOP: the one value that is left. */
  result(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#below.length > 0) throw malformed('it ends with values left over');
    return value;
  }

  /** Counts work; throws CheckpointError beyond the limit. */
  readonly charge = (units: number): void => {
    this.#work += units;
    if (this.#work > (this.host.workLimit ?? WORK_LIMIT))
      throw malformed('it takes more steps than any such file needs');
  };
}

/** A pickle that breaks its own rules. The message only says how; `unpickle` adds where, and what to do. */
export class MalformedPickle extends CheckpointError {}

export function malformed(why: string): MalformedPickle {
  return new MalformedPickle(why);
}
