import { clamp, TINY } from '../../numeric/float32.ts';
import type { L1Projection } from '../norms/l1.ts';
import { type BumpNorm, type Bumps, bumpsOf, lengthOf, powerOf } from './bumps.ts';
import {
  bumpSide,
  copyWindow,
  type ImageShape,
  overlapOf,
  type ProposalContext,
  type ProposalFactory,
  placesIn,
  randomSign,
  randomSquare,
  type SquareProposal,
  tiles,
  type Window,
} from './proposal.ts';

/** Projected points stay a hair inside the ball, as in `square.py`. */
const INSIDE = 1 - 1e-6;
/** An offset that the projection takes away whole may come back as two float32 roundings of numbers up to 2. */
const ROUNDING = 2 ** -23;

/**
 * L2 and L1 (arXiv:1912.00049 algorithm 3, `square.py`): a proposal empties one square and refills another with a bump on
 * top of what it held, as long as both squares were together and as much longer as [0, 1] has shortened the whole.
 */
export function bumpProposals(norm: BumpNorm): ProposalFactory {
  return ({ threat, model }) => {
    const { imageShape: shape, imageSize } = model;
    const setup: BumpSetup = {
      norm,
      shape,
      epsilon: threat.epsilon,
      bumps: bumpsOf(norm),
      project: norm.projection(imageSize),
      into: new Int32Array(imageSize),
      other: new Int32Array(imageSize),
      refilled: new Float64Array(imageSize),
      offsets: new Float32Array(imageSize),
      nonzero: { offsets: new Float32Array(imageSize), clean: new Float32Array(imageSize) },
    };
    return (context) => new BumpProposal(setup, context);
  };
}

/** What the proposals of one attack share. */
interface BumpSetup {
  readonly norm: BumpNorm;
  readonly shape: ImageShape;
  readonly epsilon: number;
  readonly bumps: Bumps;
  readonly project: L1Projection | undefined;
  /** Scratch space: the places of windows, and what one of them is refilled with. */
  readonly into: Int32Array;
  readonly other: Int32Array;
  readonly refilled: Float64Array;
  /** [imageSize] What is to be projected. */
  readonly offsets: Float32Array;
  /** The offsets that are not 0, and the clean image there. */
  readonly nonzero: { readonly offsets: Float32Array; readonly clean: Float32Array };
}

class BumpProposal implements SquareProposal {
  readonly x: Float32Array;
  readonly best: Float32Array;
  readonly #setup: BumpSetup;
  readonly #context: ProposalContext;
  /** Sum of |best - clean|^p. */
  #spent: number;
  /** Where x differs from `best`; undefined where that may be anywhere. */
  #changed: readonly Window[] | undefined;

  constructor(setup: BumpSetup, context: ProposalContext) {
    const { clean, saved } = context;
    this.#setup = setup;
    this.#context = context;
    this.best = (saved?.best ?? clean).slice();
    this.x = (saved?.x ?? clean).slice();
    this.#spent = this.#powerSum();
    if (saved === undefined) this.#start();
  }

  propose(share: number): boolean {
    const { shape, bumps, project } = this.#setup;
    const { stream } = this.#context;
    const side = bumpSide(share, shape);
    const into = randomSquare(stream, shape, side);
    const from = randomSquare(stream, shape, side);
    const bump = bumps(side, stream);
    if (project !== undefined) this.#setOffsets();
    for (let c = 0; c < shape[0]; c++) this.#refill(c, into, from, bump, randomSign(stream));
    if (project !== undefined) this.#project(project);
    this.#changed = project === undefined ? [from, into] : undefined;
    return this.#isNew();
  }

  keep(): void {
    this.#copyChanged(this.x, this.best);
    this.#spent = this.#powerSum();
  }

  drop(): void {
    this.#copyChanged(this.best, this.x);
  }

  /** Nothing changes where both squares are empty and no length is missing, or where [0, 1] leaves no room. */
  #isNew(): boolean {
    const { shape, other } = this.#setup;
    const { x, best } = this;
    if (this.#changed === undefined) return !isEqual(x, best);
    for (const window of this.#changed) {
      for (let c = 0; c < shape[0]; c++) {
        const count = placesIn(window, c, shape, other);
        for (let i = 0; i < count; i++) if (x[other[i]!] !== best[other[i]!]) return true;
      }
    }
    return false;
  }

  #copyChanged(from: Float32Array, to: Float32Array): void {
    if (this.#changed === undefined) to.set(from);
    else for (const window of this.#changed) copyWindow(from, to, window, this.#setup.shape);
  }

  /** A bump in each channel of every tile, all of them together as long as epsilon. */
  #start(): void {
    const { norm, shape, epsilon, bumps, project, into } = this.#setup;
    const { stream } = this.#context;
    const places = tiles(shape);
    this.#setOffsets();
    // Bumps have norm 1 and do not overlap.
    const scale = project === undefined ? epsilon / lengthOf(places.length * shape[0], norm.p) : 1;
    for (const tile of places) {
      const bump = bumps(tile.height, stream);
      for (let c = 0; c < shape[0]; c++) {
        const height = randomSign(stream) * scale;
        const count = placesIn(tile, c, shape, into);
        for (let i = 0; i < count; i++) this.#setOffset(into[i]!, height * bump[i]!);
      }
    }
    if (project !== undefined) this.#project(project);
  }

  /** Makes x in channel c of both windows what a proposal makes of `best`. */
  #refill(c: number, into: Window, from: Window, bump: Float64Array, sign: number): void {
    const { norm, shape, epsilon, into: places, other, refilled } = this.#setup;
    const { p } = norm;
    const { best } = this;
    const { clean } = this.#context;
    const shared = this.#powerSumOf(other, placesIn(overlapOf(into, from), c, shape, other));
    const emptied = placesIn(from, c, shape, other);
    const count = placesIn(into, c, shape, places);
    const held = this.#powerSumOf(places, count);
    const both = held + this.#powerSumOf(other, emptied) - shared;
    const scale = 1 / (TINY + lengthOf(held, p));
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const k = places[i]!;
      const value = sign * bump[i]! + (best[k]! - clean[k]!) * scale;
      refilled[i] = value;
      sum += powerOf(value, p);
    }
    // Below 0 where rounding has made the perturbation a little too long.
    const missing = (powerOf(epsilon, p) - this.#spent) / shape[0];
    const length = lengthOf(Math.max(0, missing + both) * norm.gain(shape[0]), p) / (TINY + lengthOf(sum, p));
    for (let i = 0; i < emptied; i++) this.#setOffset(other[i]!, 0);
    for (let i = 0; i < count; i++) this.#setOffset(places[i]!, refilled[i]! * length);
  }

  /** What is to be projected may leave [0, 1]: the projection takes that into account. */
  #setOffset(k: number, offset: number): void {
    const { project, offsets } = this.#setup;
    if (project === undefined) this.x[k] = clamp(this.#context.clean[k]! + offset, 0, 1);
    else offsets[k] = offset;
  }

  #setOffsets(): void {
    const { offsets } = this.#setup;
    const { best } = this;
    const { clean } = this.#context;
    for (let k = 0; k < best.length; k++) offsets[k] = best[k]! - clean[k]!;
  }

  /** Makes x the projection of the offsets, which only those that are not 0 take part in: a tenth of them, soon. */
  #project(project: L1Projection): void {
    const { offsets, epsilon, into: places, nonzero } = this.#setup;
    const { clean } = this.#context;
    const { x } = this;
    let count = 0;
    for (let k = 0; k < x.length; k++) {
      x[k] = clean[k]!;
      if (offsets[k] === 0) continue;
      nonzero.offsets[count] = offsets[k]!;
      nonzero.clean[count] = clean[k]!;
      places[count++] = k;
    }
    const centres = nonzero.clean.subarray(0, count);
    const row = nonzero.offsets.subarray(0, count);
    project(row, centres, epsilon * INSIDE, row);
    // Roundings would add up over thousands of proposals, to more than epsilon.
    for (let i = 0; i < count; i++) if (Math.abs(row[i]! - centres[i]!) > ROUNDING) x[places[i]!] = row[i]!;
  }

  /** Sum of |best - clean|^p over these places. */
  #powerSumOf(places: Int32Array, count: number): number {
    const { p } = this.#setup.norm;
    const { clean } = this.#context;
    const { best } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += powerOf(best[places[i]!]! - clean[places[i]!]!, p);
    return sum;
  }

  #powerSum(): number {
    const { p } = this.#setup.norm;
    const { clean } = this.#context;
    const { best } = this;
    let sum = 0;
    for (let k = 0; k < best.length; k++) sum += powerOf(best[k]! - clean[k]!, p);
    return sum;
  }
}

function isEqual(a: Float32Array, b: Float32Array): boolean {
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}
