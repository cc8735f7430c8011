import { z } from 'zod';
import {
  type AttackName,
  type AttackSpec,
  attackSpecSchema,
  type Protocol,
  type ResolvedAttackSpec,
  type SuiteName,
} from '../schemas/attacks.ts';
import { apgd } from './apgd/apgd.ts';
import type { Attack, ThreatModel } from './core/attack.ts';
import { fab } from './fab/fab.ts';
import { malt } from './malt/malt.ts';
import { gama } from './pgd/gama.ts';
import { pgd } from './pgd/pgd.ts';
import { pma } from './pgd/pma.ts';
import { rays } from './rays/rays.ts';
import { square } from './square/square.ts';

type SpecOf<Name extends AttackName> = Extract<ResolvedAttackSpec, { attack: Name }>;

/** An attack is a file and a row here, and its options a row in `schemas/attacks.ts`. */
const ATTACKS: { readonly [Name in AttackName]: (spec: SpecOf<Name>, name: string) => Attack } = {
  'apgd-ce': (spec, name) => apgd({ ...spec, name, loss: 'ce' }),
  'apgd-dlr': (spec, name) => apgd({ ...spec, name, loss: 'dlr' }),
  'apgd-cw': (spec, name) => apgd({ ...spec, name, loss: 'cw' }),
  'apgd-pm': (spec, name) => apgd({ ...spec, name, loss: 'probability-margin', parameters: { weight: 0.5 } }),
  'apgd-t': (spec, name) => apgd({ ...spec, name, loss: 'dlr-targeted' }),
  malt: (spec, name) => malt({ ...spec, name }),
  fab: (spec, name) => fab({ ...spec, name, targeted: false }),
  'fab-t': (spec, name) => fab({ ...spec, name, targeted: true }),
  square: (spec, name) => square({ ...spec, name }),
  rays: (spec, name) => rays({ ...spec, name }),
  pgd: (spec, name) => pgd({ ...spec, name }),
  gama: (spec, name) => gama({ ...spec, name }),
  pma: (spec, name) => pma({ ...spec, name }),
};

const AUTOATTACK: readonly AttackSpec[] = [
  { attack: 'apgd-ce' },
  { attack: 'apgd-t' },
  { attack: 'fab-t' },
  { attack: 'square' },
];

/** Attacks of which each sees what those before it left, all together one of several evaluations. */
function inSequence(group: string, attacks: readonly AttackSpec[]): AttackSpec[] {
  return attacks.map((spec) => ({ ...spec, name: `${group}.${spec.attack}`, group }));
}

/** The same made on the undefended model and evaluated on the variant: transfer. */
function onUndefended(name: string, attacks: readonly AttackSpec[]): AttackSpec[] {
  const group = `base.${name}`;
  if (attacks.length > 1) return inSequence(group, attacks).map((spec) => ({ ...spec, on: BASE }));
  return attacks.map((spec) => ({ ...spec, name: group, group, on: BASE }));
}

const BASE = { variant: 'none' };

type Suite = (norm: ThreatModel['norm']) => readonly (AttackName | AttackSpec)[];

/**
 * Suites in the order their attacks run. The first three are `set_version` of `autoattack.py`, fra31/auto-attack; `iw-wc` are
 * the nine evaluations of IG-Defense's image-wise worst case (arXiv:2409.15190, section 5). `rapid` is ours, its targets and
 * steps chosen by what they find and cost (docs/performance.md): the strongest cheap attack on a test-time defence is made on the
 * model without it.
 */
const SUITES: Readonly<Record<SuiteName, Suite>> = {
  standard: (norm) =>
    norm === 'L1'
      ? [
          { attack: 'apgd-ce', restarts: 5, multiEpsilon: true },
          { attack: 'apgd-t', targets: 5, multiEpsilon: true },
          'fab-t',
          'square',
        ]
      : ['apgd-ce', 'apgd-t', 'fab-t', 'square'],
  plus: () => [
    { attack: 'apgd-ce', restarts: 5 },
    { attack: 'apgd-dlr', restarts: 5 },
    { attack: 'fab', restarts: 5 },
    'square',
    'apgd-t',
    'fab-t',
  ],
  rand: () => [
    { attack: 'apgd-ce', eot: 20 },
    { attack: 'apgd-dlr', eot: 20 },
  ],
  apgd: () => ['apgd-ce', 'apgd-t'],
  rapid: (norm) => {
    // In L1 steps find little without the larger radii, and PGD without APGD's growing sparsity.
    const steps = norm === 'L1' ? { iterations: 25, multiEpsilon: true } : { iterations: 25 };
    return [
      { attack: 'malt', name: 'base.malt', on: { ...BASE, once: true }, targets: 3, ...steps },
      { attack: 'malt', targets: 2, ...steps, sees: 'all', except: ['none'] },
      norm === 'L1' ? { attack: 'apgd-pm', multiEpsilon: true } : { attack: 'pma', iterations: 25 },
    ];
  },
  'iw-wc': () => [
    ...inSequence('autoattack', AUTOATTACK),
    { attack: 'rays', name: 'rays', group: 'rays' },
    { attack: 'apgd-ce', name: 'apgd-eot', group: 'apgd-eot', eot: 20 },
    ...onUndefended('apgd-ce', [{ attack: 'apgd-ce' }]),
    ...onUndefended('apgd-cw', [{ attack: 'apgd-cw' }]),
    ...onUndefended('apgd-t', [{ attack: 'apgd-t', restarts: 3 }]),
    ...onUndefended('autoattack', AUTOATTACK),
    ...onUndefended('rays', [{ attack: 'rays' }]),
    ...onUndefended('apgd-eot', [{ attack: 'apgd-ce', eot: 20 }]),
  ],
};

/** An attack of a suite with nothing left open: what a plan holds. */
export const suiteAttackSchema = attackSpecSchema.and(z.object({ name: z.string(), group: z.string() }));
export type SuiteAttack = z.infer<typeof suiteAttackSchema>;

/** A config's suite, by name or as a list of attacks, with every option spelled out. */
export function resolveSuite({
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

/** The variant whose examples are made once for the whole run; undefined where an attack is made for each variant anew. */
export function craftedOnce({ on }: Pick<SuiteAttack, 'on'>): string | undefined {
  return on !== undefined && 'variant' in on && on.once === true ? on.variant : undefined;
}

/** The attack that a spec describes; options left out take their defaults. */
export function createAttack(spec: AttackSpec): Attack {
  const resolved = attackSpecSchema.parse(spec);
  return build(resolved, resolved.name ?? resolved.attack);
}

function build<Name extends AttackName>(spec: SpecOf<Name> & { attack: Name }, name: string): Attack {
  return ATTACKS[spec.attack](spec, name);
}
