import type { AttackCost } from '../../attacks/core/attack.ts';
import { PLANNED_BREAKS, sampleSize } from '../../evaluation/audit/sample-size.ts';
import { type AttackLoad, keptAttacks, type RankingLoad, type StageLoad, type Workload } from './workload.ts';

/** What is assumed of images that nobody has attacked yet; shares in [0, 1]. */
export interface WorkAssumptions {
  /** Of all images: classified correctly, and therefore attacked at all. */
  readonly correct: number;
  /**
   * Of those: left robust by the first attack of a group. They are taken to hold out to the end, so that each later attack
   * pays for them in full. AutoAttack's later attacks break few: on the reference checkpoint, first 256 images, 34% are robust
   * after APGD-CE and 30% after APGD-T.
   */
  readonly holdOut: number;
}

/** Shares of all images, for every step of an evaluation. */
export interface AttackAssumptions {
  readonly correct: number;
  /** Seen by the first attack of a group, and by each later one. */
  readonly seen: { readonly first: number; readonly later: number };
  /** With a candidate that is evaluated again, after the first attack of a group and after each later one. */
  readonly verified: { readonly first: number; readonly later: number };
  /** With an adversarial example for the other variants. */
  readonly transferred: number;
}

/**
 * No run can need more: every image is classified correctly, every attack sees it and pays in full for it, and yet it breaks.
 * This bounds each number by itself; they do not all come about at once.
 */
export const WORST_CASE: AttackAssumptions = {
  correct: 1,
  seen: { first: 1, later: 1 },
  verified: { first: 1, later: 1 },
  transferred: 1,
};

export function expectedAssumptions({ correct, holdOut }: WorkAssumptions): AttackAssumptions {
  const broken = correct * (1 - holdOut);
  return {
    correct,
    seen: { first: correct, later: correct * holdOut },
    verified: { first: broken, later: 0 },
    transferred: broken,
  };
}

export interface Bounds<T> {
  readonly expected: T;
  readonly most: T;
}

export interface AttackEstimate extends Bounds<AttackCost> {
  readonly attack: string;
  readonly group: string;
  /** Of an image that holds out. */
  readonly perImage: AttackCost;
}

export interface VariantEstimate {
  readonly id: string;
  /** The clean images, and the checks of the model on those classified correctly. */
  readonly clean: Bounds<AttackCost>;
  /** With the forwards that verify what each attack found. */
  readonly attacks: readonly AttackEstimate[];
  /** Its own examples once more, rounded as files of images hold them. */
  readonly rounded: Bounds<AttackCost>;
  /** This variant on every variant's adversarial examples. */
  readonly transfer: Bounds<AttackCost>;
  /** Its sample under the audit's suite, where the run has one. */
  readonly audit?: Bounds<AttackCost>;
}

export interface Estimate {
  readonly images: number;
  readonly imagesPerShard: number;
  readonly shards: number;
  readonly stages: readonly StageLoad[];
  readonly rankings: readonly RankingLoad[];
  readonly variants: readonly VariantEstimate[];
  /** Examples that are made once for all variants; left out where there are none. */
  readonly crafting?: readonly AttackEstimate[];
  /** Of all variants and of what is made once for them; rankings are not in it. */
  readonly total: Bounds<AttackCost>;
  readonly assumption: WorkAssumptions;
  /** What other runs have kept, and is not counted; left out where that is nothing. */
  readonly kept?: Workload['kept'];
}

/** How many images a run evaluates, from its plan alone. */
export function estimateWork(load: Workload, assumption: WorkAssumptions): Estimate {
  const images = load.shards.reduce((sum, count) => sum + count, 0);
  const expected = expectedAssumptions(assumption);
  const bounded = (cost: (assumptions: AttackAssumptions) => AttackCost, left = images): Bounds<AttackCost> => ({
    expected: times(left, cost(expected)),
    most: times(left, cost(WORST_CASE)),
  });
  /** Images that nobody has evaluated under the attack at `index`. */
  const leftFor = (variant: string, index: number) =>
    load.shards.reduce((sum, count, shard) => sum + (keptAttacks(load, variant, shard) > index ? 0 : count), 0);
  const toCraft = load.shards.reduce((sum, count, shard) => sum + (load.kept?.craft[shard] ? 0 : count), 0);
  const variants = load.variants.map(({ id }) => ({
    id,
    clean: bounded(cleanCost, leftFor(id, 0)),
    attacks: load.attacks.map(({ name, group, cost: perImage }, index) => ({
      attack: name,
      group,
      perImage,
      ...bounded((assumptions) => attackCost(load, index, id, assumptions), leftFor(id, index)),
    })),
    rounded: bounded(roundedCost, leftFor(id, load.attacks.length - 1)),
    transfer: bounded((assumptions) => transferCost(load, assumptions)),
    ...(load.audit && { audit: { expected: auditCost(load, id, expected), most: auditCost(load, id, WORST_CASE) } }),
  }));
  const crafting = load.attacks.flatMap(({ name, group, cost: perImage, once }, index) =>
    once
      ? [
          {
            attack: name,
            group,
            perImage,
            ...bounded((assumptions) => craftingCost(load, index, assumptions), toCraft),
          },
        ]
      : [],
  );
  const parts = variants.flatMap(({ clean, attacks, rounded, transfer, audit }) => [
    clean,
    ...attacks,
    rounded,
    transfer,
    ...(audit === undefined ? [] : [audit]),
  ]);
  parts.push(...crafting);
  return {
    images,
    imagesPerShard: Math.max(...load.shards),
    shards: load.shards.length,
    stages: load.stages,
    rankings: load.rankings,
    variants,
    ...(crafting.length > 0 && { crafting }),
    total: { expected: sumOf(parts.map((part) => part.expected)), most: sumOf(parts.map((part) => part.most)) },
    assumption,
    ...(load.kept && { kept: load.kept }),
  };
}

/** `src/evaluation/model-checks.ts`: four more forwards, and a gradient. */
const CHECKS: AttackCost = { forwards: 4, gradients: 1 };

/** The clean pass and the checks, an image of the data set. */
export function cleanCost({ correct }: AttackAssumptions): AttackCost {
  return { forwards: 1 + CHECKS.forwards * correct, gradients: CHECKS.gradients * correct };
}

const NOTHING: AttackCost = { forwards: 0, gradients: 0 };

/** The attack at `index` of the suite on a variant, an image of the data set. */
export function attackCost(
  { attacks }: Workload,
  index: number,
  variant: string,
  { seen, verified }: AttackAssumptions,
): AttackCost {
  const { cost, group, once, seesAll, except } = attacks[index]!;
  if (except.includes(variant)) return NOTHING;
  if (once) return { ...NOTHING, forwards: verified.first };
  const isFirst = seesAll || attacks.findIndex((attack) => attack.group === group) === index;
  return seenCost(cost, isFirst ? 'first' : 'later', { seen, verified });
}

/** Making the examples of the attack at `index` once, an image of the data set; its model is opened and checked for that. */
export function craftingCost({ attacks }: Workload, index: number, assumptions: AttackAssumptions): AttackCost {
  const isFirst = attacks.findIndex(({ once }) => once) === index;
  const attack = seenCost(attacks[index]!.cost, isFirst ? 'first' : 'later', assumptions);
  return isFirst ? sumOf([cleanCost(assumptions), attack]) : attack;
}

function seenCost(
  cost: AttackCost,
  place: 'first' | 'later',
  { seen, verified }: Pick<AttackAssumptions, 'seen' | 'verified'>,
): AttackCost {
  return { forwards: cost.forwards * seen[place] + verified[place], gradients: cost.gradients * seen[place] };
}

/** A variant's own examples, rounded, an image of the data set. */
export function roundedCost({ transferred }: AttackAssumptions): AttackCost {
  return { forwards: transferred, gradients: 0 };
}

/** The examples of every variant, this one among them, an image of the data set. */
export function transferCost({ variants }: Workload, { transferred }: AttackAssumptions): AttackCost {
  return { forwards: variants.length * transferred, gradients: 0 };
}

/** Images of a variant's sample; those that hold out in the run's own suite are the survivors. */
export function auditedImages({ audit }: Workload, { seen }: AttackAssumptions): number {
  if (audit === undefined) return 0;
  const survivors = Math.round(audit.bound.images * seen.later);
  return sampleSize({ ...audit.bound, survivors, breaks: PLANNED_BREAKS });
}

/** Those of the audit's suite that a variant is not left out of. */
export function auditAttacks({ audit }: Workload, variant: string): readonly AttackLoad[] {
  return (audit?.attacks ?? []).filter(({ except }) => !except.includes(variant));
}

/** All of the sample: what survives one suite is taken to survive the other. */
function auditCost(load: Workload, variant: string, assumptions: AttackAssumptions): AttackCost {
  const { forwards, gradients } = sumOf(auditAttacks(load, variant).map(({ cost }) => cost));
  // The clean pass and the checks come again.
  const each = { forwards: forwards + 1 + CHECKS.forwards, gradients: gradients + CHECKS.gradients };
  return times(auditedImages(load, assumptions), each);
}

function times(images: number, { forwards, gradients }: AttackCost): AttackCost {
  return { forwards: Math.round(images * forwards), gradients: Math.round(images * gradients) };
}

export function sumOf(costs: readonly AttackCost[]): AttackCost {
  return {
    forwards: costs.reduce((sum, { forwards }) => sum + forwards, 0),
    gradients: costs.reduce((sum, { gradients }) => sum + gradients, 0),
  };
}
