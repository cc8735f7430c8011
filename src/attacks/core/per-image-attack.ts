import type { RandomStream } from '../../numeric/random.ts';
import type { AttackCost, AttackedModel, ThreatModel } from './attack.ts';
import type { LossName } from './losses.ts';

/**
 * An attack as what it does to ONE image: a state machine with one query to the model at a time. It sees nothing but the
 * answers about its own image, so what becomes of an image cannot depend on its neighbours in a batch; and between two
 * queries it is plain data, so it can be saved and gone on with in another process. `defineAttack` runs many side by side.
 */
export interface PerImageAttack<State> {
  /** Its next query; undefined once it is over. The arrays are read before `update` and not kept. */
  readonly next: ModelQuery | undefined;
  /**
   * Takes the answer to `next` and moves on. Returns a point within the threat model that this answer shows to be
   * misclassified, if it does; the caller copies it.
   */
  update(answer: ModelAnswer): Float32Array | undefined;
  /**
   * Its best point, such as that of the highest loss: the candidate for a model that it does not see, where it is
   * evaluated on that one. Need not be misclassified nor, by a rounding, within the threat model.
   */
  readonly best: Float32Array;
  /** What a round that ranks targets leaves for the image's later rounds, once it is over; see `Sample.targets`. */
  readonly targets?: readonly number[];
  /** Everything `AttackDefinition.prepare` needs to go on from here: numbers, strings and typed arrays, not copied. */
  save(): State;
}

/** What an attack asks the model. */
export type ModelQuery =
  /** The logits at x, [imageSize]. */
  | { readonly kind: 'logits'; readonly x: Float32Array }
  /** Value and gradient of a loss at x, and the logits. */
  | ({ readonly kind: 'gradient'; readonly loss: LossName; readonly x: Float32Array } & LossParameters);

/** What a loss takes besides logits and label; see `LOSSES`. */
export interface LossParameters {
  /** Class aimed at, for targeted losses. */
  readonly target?: number;
  /** [classes] */
  readonly reference?: Float32Array;
  /** What leaving the reference counts. */
  readonly weight?: number;
}

/** What the model says of one image; views into a batch, gone after `update`. */
export interface ModelAnswer {
  /** [classes] */
  readonly logits: Float32Array;
  /** Value of the loss; NaN where only logits were asked for, or where they are no prediction (NaN or infinite). */
  readonly loss: number;
  /** [imageSize]; empty where only logits were asked for. */
  readonly gradient: Float32Array;
}

/** The image under attack. */
export interface Sample {
  /** [imageSize] */
  readonly clean: Float32Array;
  /** Its true class. */
  readonly label: number;
  /** [classes] of the clean image. */
  readonly logits: Float32Array;
  /** Its own randomness: of this image, attack and round. Saved and restored by the caller. */
  readonly stream: RandomStream;
  /** Its wrong classes, the one to aim at first, where an earlier round has ranked them. */
  readonly targets?: readonly number[];
}

/** One pass over the images still robust. */
export interface AttackRound {
  /** Which run from a new start it is, from 0: a part of the key of its random stream. */
  readonly restart: number;
  /** Which of an image's wrong classes to aim at, in the attack's order; by falling clean logit 0 is the most likely one. */
  readonly targetRank?: number;
  /** It breaks nothing and ranks the targets of the rounds to come. */
  readonly ranksTargets?: true;
}

/** What an attack knows before it sees an image. */
export interface AttackSetup {
  /** Where candidates are to lie. */
  readonly threat: ThreatModel;
  /** What is known of the model before it is evaluated. */
  readonly model: Pick<AttackedModel, 'classes' | 'imageSize' | 'imageShape' | 'randomised'>;
}

/** An attack as what it does to one image in one round, with state of type `State`; `defineAttack` makes it run. */
export interface AttackDefinition<State> {
  /** How results name it. */
  readonly name: string;
  /** What a round costs an image that holds out, `classes` being the model's. */
  roundCost(classes: number, round: AttackRound): AttackCost;
  /** The rounds an image goes through in turn until one breaks it. */
  rounds(classes: number): readonly AttackRound[];
  /**
   * Prepares the attack: the function gives the state machine of one image in one round, from its start or from a saved
   * state. Those of one setup may share scratch space, since they receive answers one at a time. Throws ConfigError where
   * the model has too few classes or the norm is not the attack's.
   */
  prepare(setup: AttackSetup): (sample: Sample, round: AttackRound, saved?: State) => PerImageAttack<State>;
}

/** How often an attack begins anew. */
export interface RoundOptions {
  /** Runs from new starts, for each target where there are targets. */
  readonly restarts: number;
  /** Wrong classes aimed at in turn, by falling clean logit; the model's number of them at most. Left out: no target. */
  readonly targets?: number;
}

/** Targets in the outer loop and restarts in the inner one, as in fra31/auto-attack. */
export function attackRounds({ restarts, targets }: RoundOptions, classes: number): AttackRound[] {
  const runs = Array.from({ length: restarts }, (_, restart) => ({ restart }));
  if (targets === undefined) return runs;
  const ranks = Math.min(targets, classes - 1);
  return Array.from({ length: ranks }, (_, targetRank) => runs.map((run) => ({ ...run, targetRank }))).flat();
}
