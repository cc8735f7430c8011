import {
  type AttackName,
  type AttackSpec,
  attackSpecSchema,
  type ResolvedAttackSpec,
  type SuiteName,
} from '../contracts/attacks.ts';
import { apgd } from './apgd.ts';
import type { Attack } from './attack.ts';
import type { LossName } from './losses.ts';

/** The loss each attack raises. */
const LOSS_OF: Readonly<Record<AttackName, LossName>> = {
  'apgd-ce': 'ce',
  'apgd-dlr': 'dlr',
  'apgd-cw': 'cw',
  'apgd-t': 'dlr-targeted',
};

/** Suites in the order their attacks run; each attack sees only the images still robust. */
const SUITES: Readonly<Record<SuiteName, readonly (AttackName | AttackSpec)[]>> = {
  apgd: ['apgd-ce', 'apgd-t'],
};

/** A suite by name or as a list of attacks, with every option spelled out: what a plan records. */
export function suiteOf(suite: SuiteName | readonly (AttackName | AttackSpec)[]): ResolvedAttackSpec[] {
  const attacks = typeof suite === 'string' ? SUITES[suite] : suite;
  return attacks.map((attack) => attackSpecSchema.parse(typeof attack === 'string' ? { attack } : attack));
}

/** The attack that a spec describes; options left out take their defaults. */
export function createAttack(spec: AttackSpec): Attack {
  const { attack: name, ...options } = attackSpecSchema.parse(spec);
  return apgd({ name, loss: LOSS_OF[name], ...options });
}
