import { isFiniteRow } from '../../numeric/float32.ts';
import type { Attack } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import {
  type AttackSetup,
  attackRounds,
  type ModelAnswer,
  type ModelQuery,
  type PerImageAttack,
} from '../core/per-image-attack.ts';
import { isMisclassified } from '../core/predictions.ts';
import { ofNorm } from '../norms/threat-model.ts';
import { L1_BUMPS, L2_BUMPS } from './bumps.ts';
import { bumpProposals } from './l2-l1-proposals.ts';
import { linfProposals } from './linf-proposals.ts';
import { type ProposalFactory, type SquareProposal, type SquareState, squareShare } from './proposal.ts';

export interface SquareOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Proposals of one run; the starting point is asked about besides. */
  readonly queries: number;
  /** Runs from new starts, for the images still robust. */
  readonly restarts: number;
}

/**
 * Square Attack (arXiv:1912.00049, `square.py` of fra31/auto-attack with AutoAttack's settings: margin loss, squares by
 * iteration and not by budget): random search with localised changes, which asks for nothing but logits.
 * Running it throws ConfigError where it lacks the norm.
 */
export function square({ name, queries, restarts }: SquareOptions): Attack {
  return defineAttack<SquareState>({
    name,
    roundCost: () => ({ forwards: queries + 1, gradients: 0 }),
    rounds: (classes) => attackRounds({ restarts }, classes),
    prepare(setup) {
      const proposal = ofNorm(PROPOSALS, setup.threat.norm, name)(setup);
      const { randomised } = setup.model;
      return ({ clean, label, stream }, _round, saved) =>
        new SquareRun({ label, queries, randomised }, proposal({ clean, stream, saved }), saved);
    },
  });
}

export interface SquareRunOptions {
  readonly label: number;
  readonly queries: number;
  /** Whether two evaluations of one image may differ. */
  readonly randomised: boolean;
}

/** Random search: a change is kept where it lowers the margin, and the run ends where it breaks the image. */
export class SquareRun implements PerImageAttack<SquareState> {
  readonly #options: SquareRunOptions;
  readonly #proposal: SquareProposal;
  #iteration: number;
  #margin: number;
  #over = false;

  constructor(options: SquareRunOptions, proposal: SquareProposal, saved?: SquareState) {
    this.#options = options;
    this.#proposal = proposal;
    this.#iteration = saved?.iteration ?? 0;
    this.#margin = saved?.margin ?? Number.POSITIVE_INFINITY;
  }

  get next(): ModelQuery | undefined {
    return this.#over ? undefined : { kind: 'logits', x: this.#proposal.x };
  }

  update({ logits }: ModelAnswer): Float32Array | undefined {
    if (isMisclassified(logits, this.#options.label)) {
      this.#proposal.keep();
      this.#over = true;
      return this.#proposal.x;
    }
    const margin = marginOf(logits, this.#options.label);
    if (margin < this.#margin) {
      this.#margin = margin;
      this.#proposal.keep();
    } else {
      this.#proposal.drop();
    }
    this.#proposeNext();
    return undefined;
  }

  get best(): Float32Array {
    return this.#proposal.best;
  }

  save(): SquareState {
    const { x, best } = this.#proposal;
    return { iteration: this.#iteration, margin: this.#margin, x, best };
  }

  /**
   * Makes the next proposal worth a query. One that changes nothing counts, but is not evaluated on a model that would
   * give the same logits again, which is no improvement.
   */
  #proposeNext(): void {
    const { queries, randomised } = this.#options;
    while (this.#iteration < queries) {
      const share = squareShare(this.#iteration++);
      if (this.#proposal.propose(share) || randomised) return;
    }
    this.#over = true;
  }
}

/**
 * Logit of the label less the largest other one, in float32. The original takes 0 for success; here a tie that the label
 * wins is merely the best margin so far, and the run goes on. Logits that are no prediction are no improvement.
 */
function marginOf(logits: Float32Array, label: number): number {
  if (!isFiniteRow(logits)) return Number.POSITIVE_INFINITY;
  let largestOther = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < logits.length; c++) {
    if (c !== label && logits[c]! > largestOther) largestOther = logits[c]!;
  }
  return Math.fround(logits[label]! - largestOther);
}

/** The attack by norm; a norm is one line here. */
export const PROPOSALS: Readonly<Partial<Record<AttackSetup['threat']['norm'], ProposalFactory>>> = {
  Linf: linfProposals,
  L2: bumpProposals(L2_BUMPS),
  L1: bumpProposals(L1_BUMPS),
};
