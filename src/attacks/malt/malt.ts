import { type ApgdState, apgdCost, apgdRuns } from '../apgd/apgd.ts';
import type { Attack } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import { LOSSES, type LossName } from '../core/losses.ts';
import { type AttackRound, attackRounds } from '../core/per-image-attack.ts';
import { DUAL_NORMS } from '../norms/dual.ts';
import { ofNorm } from '../norms/threat-model.ts';
import { isTargetRanking, TargetRanking, type TargetRankingState } from './target-ranking.ts';

export interface MaltOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Wrong classes aimed at in turn, by rising distance to their linear boundary; the model's number of them at most. */
  readonly targets: number;
  /** How many of the most likely wrong classes are ranked. */
  readonly candidates: number;
  /** Steps of one run. */
  readonly iterations: number;
  /** Runs from new starts for each target, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step and in the ranking. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
}

const RANKING: AttackRound = { restart: 0, ranksTargets: true };

/**
 * MALT (arXiv:2407.02240, `targeting.py` and `MALT_attack.py` of odeliamel/MALT): the wrong classes are ranked by how far away
 * a linear model of the logits at the clean image has their boundaries, and targeted APGD on the DLR loss aims at the nearest ones
 * (AutoAttack's DLR; the original's knows no label and climbs above all classes).
 * Where there are too few classes for that loss, it climbs the difference of logits. One gradient a candidate comes on top of
 * APGD's.
 */
export function malt(options: MaltOptions): Attack {
  const { name, restarts, targets, candidates, eot } = options;
  return defineAttack<ApgdState | TargetRankingState>({
    name,
    roundCost: (classes, { ranksTargets }) =>
      ranksTargets ? { forwards: 0, gradients: Math.min(candidates, classes - 1) * eot } : apgdCost(options),
    rounds: (classes) => [RANKING, ...attackRounds({ restarts, targets: Math.min(targets, candidates) }, classes)],
    prepare(setup) {
      const startRun = apgdRuns({ ...options, loss: lossFor(setup.model.classes) }, setup);
      const ranking = { ...options, setup, dual: ofNorm(DUAL_NORMS, setup.threat.norm, name) };
      return (sample, { targetRank }, saved) => {
        if (targetRank === undefined)
          return new TargetRanking(ranking, sample, isTargetRanking(saved) ? saved : undefined);
        return startRun(sample, { target: sample.targets![targetRank]! }, isTargetRanking(saved) ? undefined : saved);
      };
    },
  });
}

function lossFor(classes: number): LossName {
  return classes < LOSSES['dlr-targeted'].minClasses ? 'difference' : 'dlr-targeted';
}
