import { InputError } from '../errors.ts';

/** Flags that change nothing beside others. */
export interface IdleFlags<F> {
  readonly flags: readonly (keyof F & string)[];
  readonly when: boolean;
  /** What follows the flag in the message: what it goes with. */
  readonly why: string;
}

/** Throws InputError with the first flag that is given and without effect: its user thinks that it has one. */
export function refuseIdle<F>(given: F, idle: readonly IdleFlags<F>[]): void {
  for (const { flags, when, why } of idle) {
    const flag = when ? flags.find((name) => given[name] !== undefined) : undefined;
    if (flag !== undefined) throw new InputError(`--${spelt(flag)} ${why}`);
  }
}

/** As it is given on the command line: "fraction-seed". */
function spelt(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
