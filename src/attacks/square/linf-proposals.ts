import type { AttackSetup } from '../core/per-image-attack.ts';
import {
  copyWindow,
  type ImageShape,
  type ProposalContext,
  type ProposalFactory,
  randomSign,
  randomSquare,
  rowStart,
  type SquareProposal,
  squareSide,
  type Window,
} from './proposal.ts';

/**
 * L-infinity (arXiv:1912.00049 algorithm 2): every coordinate stands at an end of its interval, clean - epsilon or clean +
 * epsilon within [0, 1]. The start is vertical stripes; a proposal is a square, each channel at one end. The original
 * adds 2 epsilon and clips, which is the same up to rounding.
 */
export const linfProposals: ProposalFactory = (setup) => (context) => new LinfProposal(setup, context);

class LinfProposal implements SquareProposal {
  readonly x: Float32Array;
  readonly best: Float32Array;
  readonly #context: ProposalContext;
  readonly #shape: ImageShape;
  /** A float32 number. */
  readonly #epsilon: number;
  /** Where x differs from `best`; undefined where that may be anywhere. */
  #window: Window | undefined;

  constructor({ threat, model }: AttackSetup, context: ProposalContext) {
    const { clean, saved } = context;
    this.#context = context;
    this.#shape = model.imageShape;
    this.#epsilon = Math.fround(threat.epsilon);
    this.best = (saved?.best ?? clean).slice();
    this.x = (saved?.x ?? clean).slice();
    if (saved === undefined) this.#startWithStripes();
  }

  propose(share: number): boolean {
    const { stream } = this.#context;
    const shape = this.#shape;
    const window = randomSquare(stream, shape, squareSide(share, shape));
    this.#window = window;
    let changed = false;
    for (let c = 0; c < shape[0]; c++) {
      const sign = randomSign(stream);
      for (let row = 0; row < window.height; row++)
        changed = this.#fill(rowStart(window, c, row, shape), window.width, sign) || changed;
    }
    return changed;
  }

  keep(): void {
    this.#copyChanged(this.x, this.best);
  }

  drop(): void {
    this.#copyChanged(this.best, this.x);
  }

  #copyChanged(from: Float32Array, to: Float32Array): void {
    if (this.#window === undefined) to.set(from);
    else copyWindow(from, to, this.#window, this.#shape);
  }

  /** A column of a channel is a stripe. */
  #startWithStripes(): void {
    const [channels, height, width] = this.#shape;
    for (let c = 0; c < channels; c++) {
      for (let column = 0; column < width; column++) {
        const sign = randomSign(this.#context.stream);
        for (let row = 0; row < height; row++) this.#fill((c * height + row) * width + column, 1, sign);
      }
    }
  }

  /** Puts coordinates at the upper or the lower end of their intervals. Whether that changed any. */
  #fill(start: number, count: number, sign: number): boolean {
    const { clean } = this.#context;
    const { x } = this;
    const offset = sign * this.#epsilon;
    let changed = false;
    for (let k = start; k < start + count; k++) {
      const value = Math.min(Math.max(Math.fround(clean[k]! + offset), 0), 1);
      if (x[k] !== value) changed = true;
      x[k] = value;
    }
    return changed;
  }
}
