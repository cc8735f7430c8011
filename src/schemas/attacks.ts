import { z } from 'zod';
import { shortName } from './names.ts';

export const NORM_NAMES = ['Linf', 'L2', 'L1'] as const;
/** Norms that a distance may be measured in: `Linf`, `L2` or `L1`. */
export type Norm = (typeof NORM_NAMES)[number];

/** Far more than anybody waits for: a slip of the key, not a wish. */
const count = z.int().positive().max(10_000_000);

/** What every attack of a suite can be told. */
const common = {
  /** How results name it: tells two uses of one attack apart. The attack's own name where left out. */
  name: shortName(60, { pattern: /^[\w.+-]*$/, said: 'letters, digits, ".", "_", "+" and "-"' }).optional(),
  /** Attacks of one group see what those before them in it left robust; where left out, the protocol says. */
  group: z.string().min(1).optional(),
  /** The model the attack sees, where that is not the one it is evaluated on. */
  on: z
    .union([
      /**
       * Transfer: made on another variant of the run, evaluated on this one. `once`: without a look at this one, so that the
       * examples are made once for the whole run and only tried on each variant.
       */
      z.strictObject({ variant: z.string().min(1), once: z.literal(true).optional() }),
      /**
       * A surrogate of the evaluated variant itself, for the gradients that its own pseudo-label starves: another temperature,
       * or the hard mask of the first pass's class with the soft mask's gradient (straight-through).
       */
      z
        .strictObject({ temperature: z.number().positive().optional(), mask: z.enum(['soft', 'hard']).optional() })
        .refine((on) => Object.values(on).some((value) => value !== undefined), {
          error: 'names no model: give "variant", "temperature" or "mask"',
          when: ({ issues }) => issues.length === 0,
        }),
    ])
    .optional(),
  /**
   * `all`: it also sees images that attacks before it have broken, to tell what it finds alone; what is robust does not
   * depend on it. Where left out, what its group has left robust.
   */
  sees: z.literal('all').optional(),
  /** Variants that it is left out of. */
  except: z.array(z.string().min(1)).optional(),
};

const iterations = count.default(100);
/** Runs from different starts, for the images still robust. */
const restarts = count.default(1);
/** Wrong classes aimed at in turn, by falling clean logit; all of them where the model has fewer. */
const targets = count.default(9);

/** Gradients averaged in a step (expectation over transformation), for randomised models. */
const eot = count.default(1);
/** A random point of the ball, or the clean image itself. */
const start = z.enum(['random', 'clean']).default('random');

/** What every APGD can be told. The defaults are AutoAttack's standard ones, `autoattack.py` of fra31/auto-attack. */
const apgdOptions = {
  ...common,
  iterations,
  restarts,
  eot,
  start,
  /** L1 only: three radii, each from the best point of the one before, as AutoAttack's standard version for L1. */
  multiEpsilon: z.boolean().default(false),
};

/** Attacks by name, each with its options; `src/attacks/suites.ts` builds them. Unknown keys are refused. */
const specs = [
  z.strictObject({ attack: z.literal('apgd-ce'), ...apgdOptions }),
  z.strictObject({ attack: z.literal('apgd-dlr'), ...apgdOptions }),
  z.strictObject({ attack: z.literal('apgd-cw'), ...apgdOptions }),
  z.strictObject({ attack: z.literal('apgd-pm'), ...apgdOptions }),
  z.strictObject({ attack: z.literal('apgd-t'), ...apgdOptions, targets }),
  /** Targets by rising distance to their linear boundary, among so many of the most likely wrong classes. */
  z.strictObject({ attack: z.literal('malt'), ...apgdOptions, targets, candidates: count.default(100) }),
  z.strictObject({ attack: z.literal('fab'), ...common, iterations, restarts }),
  z.strictObject({ attack: z.literal('fab-t'), ...common, iterations, restarts, targets }),
  /** Queries are those of one restart, as in the original. */
  z.strictObject({ attack: z.literal('square'), ...common, queries: count.default(5000), restarts }),
  z.strictObject({ attack: z.literal('rays'), ...common, queries: count.default(10_000) }),
  z.strictObject({
    attack: z.literal('pgd'),
    ...common,
    iterations: count.default(20),
    restarts,
    eot,
    start,
    loss: z.enum(['ce', 'cw']).default('ce'),
    /** Of a step, as a share of epsilon: 2/255 where epsilon is 8/255. */
    stepSize: z.number().positive().default(0.25),
  }),
  z.strictObject({
    attack: z.literal('gama'),
    ...common,
    iterations,
    restarts,
    eot,
    /** Whose probabilities the loss moves away from: those at the noisy start, as the public code, or the clean image's. */
    reference: z.enum(['start', 'clean']).default('start'),
  }),
  z.strictObject({
    attack: z.literal('pma'),
    ...common,
    iterations,
    restarts,
    eot,
    /** A run for each: the term of the margin that its first half climbs alone, the label's probability or the largest other one. */
    terms: z
      .array(z.enum(['label', 'other']))
      .min(1)
      .max(2)
      .default(['label', 'other']),
  }),
] as const;

export const ATTACK_NAMES = specs.map(({ shape }) => shape.attack.value);

/** Norms an attack is for, where that is not all of them. */
const NORMS: Readonly<Record<string, readonly Norm[]>> = {
  fab: ['Linf', 'L2', 'L1'],
  'fab-t': ['Linf', 'L2', 'L1'],
  square: ['Linf', 'L2', 'L1'],
  rays: ['Linf'],
  pgd: ['Linf', 'L2'],
  gama: ['Linf'],
};

/** What is wrong with an attack under a norm; null where it can be run. */
export function normProblem({ attack, ...options }: ResolvedAttackSpec, norm: Norm): string | null {
  const norms = NORMS[attack];
  if (norms?.includes(norm) === false) return `${attack} is for ${norms.join(' and ')}, not for ${norm}: leave it out`;
  if (norm !== 'L1' && 'multiEpsilon' in options && options.multiEpsilon)
    return `${attack}: multiEpsilon is for L1, not for ${norm}: leave the option out`;
  return null;
}

/** One attack of a suite, as a config or a plan writes it; defaults are filled in. */
export const attackSpecSchema = z.discriminatedUnion('attack', specs);

/** An entry of a list of attacks: a name alone, or with options. */
export const attackEntrySchema = z.union([
  z.enum(ATTACK_NAMES).transform((attack) => attackSpecSchema.parse({ attack })),
  attackSpecSchema,
]);

/** As a user writes it: nothing but the name is needed. */
export type AttackSpec = z.input<typeof attackSpecSchema>;
/** With every option spelled out. */
export type ResolvedAttackSpec = z.output<typeof attackSpecSchema>;
/**
 * Name of an attack of the package: `apgd-ce`, `apgd-dlr`, `apgd-cw`, `apgd-pm`, `apgd-t`, `malt`, `fab`, `fab-t`, `square`, `rays`,
 * `pgd`, `gama` or `pma`.
 */
export type AttackName = ResolvedAttackSpec['attack'];
export type CraftedOn = NonNullable<ResolvedAttackSpec['on']>;

/** Ordered lists of attacks by name; `src/attacks/suites.ts` spells them out. */
export const SUITE_NAMES = ['standard', 'plus', 'rand', 'apgd', 'rapid', 'iw-wc'] as const;
/**
 * Name of a suite of the package: `standard`, `plus` and `rand` are AutoAttack's; `apgd` is its first two attacks; `rapid` comes to nearly
 * the verdict of `standard` at a small part of its cost; `iw-wc` are the nine evaluations of IG-Defense's image-wise worst case.
 */
export type SuiteName = (typeof SUITE_NAMES)[number];

/** `sequential`: each attack sees the images still robust, as AutoAttack does. `individual`: each sees all of them. */
export const PROTOCOLS = ['sequential', 'individual'] as const;
/** How attacks of a suite share the images: `sequential` or `individual`. */
export type Protocol = (typeof PROTOCOLS)[number];
