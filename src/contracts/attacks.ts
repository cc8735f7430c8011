import { z } from 'zod';

/** Attacks by name; `src/attacks/suites.ts` builds them. */
export const ATTACK_NAMES = ['apgd-ce', 'apgd-dlr', 'apgd-cw', 'apgd-t'] as const;
export type AttackName = (typeof ATTACK_NAMES)[number];

/** Ordered lists of attacks by name; `src/attacks/suites.ts` spells them out. */
export const SUITE_NAMES = ['apgd'] as const;
export type SuiteName = (typeof SUITE_NAMES)[number];

const count = z.int().positive();

/** What every APGD can be told. The defaults are AutoAttack's standard ones, `autoattack.py` of fra31/auto-attack. */
const apgdOptions = {
  /** Steps of one run. */
  iterations: count.default(100),
  /** Runs from different random starts, for the images still robust. */
  restarts: count.default(1),
  /** Gradients averaged in a step (expectation over transformation), for randomised models. */
  eot: count.default(1),
  /** A random point of the ball, or the clean image itself. */
  start: z.enum(['random', 'clean']).default('random'),
};

/** One attack of a suite, as a config or a plan writes it. Unknown keys are refused; defaults are filled in. */
export const attackSpecSchema = z.discriminatedUnion('attack', [
  z.strictObject({ attack: z.enum(['apgd-ce', 'apgd-dlr', 'apgd-cw']), ...apgdOptions }),
  z.strictObject({
    attack: z.literal('apgd-t'),
    ...apgdOptions,
    /** Wrong classes aimed at in turn, by falling clean logit; all of them where the model has fewer. */
    targets: count.default(9),
  }),
]);

/** As a user writes it: nothing but the name is needed. */
export type AttackSpec = z.input<typeof attackSpecSchema>;
/** With every option spelled out. */
export type ResolvedAttackSpec = z.output<typeof attackSpecSchema>;
