import {
  type AttackName,
  type AttackSpec,
  attackSpecSchema,
  type Protocol,
  type ResolvedAttackSpec,
  type SuiteName,
} from '../contracts/attacks.ts';
import { apgd } from './apgd.ts';
import type { Attack, ThreatModel } from './attack.ts';

type SpecOf<Name extends AttackName> = Extract<ResolvedAttackSpec, { attack: Name }>;

/** An attack is a file and a row here, and its options a row in `contracts/attacks.ts`. */
const ATTACKS: { readonly [Name in AttackName]: (spec: SpecOf<Name>, name: string) => Attack } = {
  'apgd-ce': (spec, name) => apgd({ ...spec, name, loss: 'ce' }),
  'apgd-dlr': (spec, name) => apgd({ ...spec, name, loss: 'dlr' }),
  'apgd-cw': (spec, name) => apgd({ ...spec, name, loss: 'cw' }),
  'apgd-t': (spec, name) => apgd({ ...spec, name, loss: 'dlr-targeted' }),
};

type Suite = (norm: ThreatModel['norm']) => readonly (AttackName | AttackSpec)[];

/** Suites in the order their attacks run. The first three are `set_version` of `autoattack.py`, fra31/auto-attack. */
const SUITES: Readonly<Record<SuiteName, Suite>> = {
  standard: (norm) =>
    norm === 'L1'
      ? [
          { attack: 'apgd-ce', restarts: 5 },
          { attack: 'apgd-t', targets: 5 },
        ]
      : ['apgd-ce', 'apgd-t'],
  plus: () => [{ attack: 'apgd-ce', restarts: 5 }, { attack: 'apgd-dlr', restarts: 5 }, 'apgd-t'],
  rand: () => [
    { attack: 'apgd-ce', eot: 20 },
    { attack: 'apgd-dlr', eot: 20 },
  ],
  apgd: () => ['apgd-ce', 'apgd-t'],
};

/** An attack of a suite with nothing left open: what a plan's identity holds. */
export type SuiteAttack = ResolvedAttackSpec & { readonly name: string; readonly group: string };

/** A config's suite, by name or as a list of attacks, with every option spelled out. */
export function suiteOf({
  suite,
  threat,
  protocol,
}: {
  readonly suite: SuiteName | readonly AttackSpec[];
  readonly threat: Pick<ThreatModel, 'norm'>;
  readonly protocol: Protocol;
}): SuiteAttack[] {
  const attacks = typeof suite === 'string' ? SUITES[suite](threat.norm) : suite;
  return attacks.map((attack) => {
    const spec = attackSpecSchema.parse(typeof attack === 'string' ? { attack } : attack);
    const { name = spec.attack } = spec;
    return { ...spec, name, group: spec.group ?? (protocol === 'individual' ? name : 'all') };
  });
}

/** The attack that a spec describes; options left out take their defaults. */
export function createAttack(spec: AttackSpec): Attack {
  const resolved = attackSpecSchema.parse(spec);
  return build(resolved, resolved.name ?? resolved.attack);
}

function build<Name extends AttackName>(spec: SpecOf<Name> & { attack: Name }, name: string): Attack {
  return ATTACKS[spec.attack](spec, name);
}
