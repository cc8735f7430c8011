import type { ThreatModel } from '../attack.ts';
import { TINY } from '../float32.ts';
import { predictedClass } from '../predictions.ts';
import type { Answer, Query, Search, Subject } from '../search.ts';
import { distance } from '../threat.ts';
import { Crossings, type SavedCrossings } from './crossings.ts';
import type { FabNorm } from './norms.ts';
import { type Face, pullBack, type Step } from './step.ts';

/** What the searches of one attack share. */
export interface FabTools {
  readonly threat: ThreatModel;
  readonly norm: FabNorm;
  readonly step: Step;
  /** Steps of one search. */
  readonly iterations: number;
  /** The face of a class whose gradient is not known. */
  readonly flat: Face;
  /** [imageSize] scratch: the point found last. */
  readonly found: Float32Array;
}

/** Everything a search goes on from. */
export interface FabState {
  /** [imageSize] */
  readonly x: Float32Array;
  /** Steps taken. */
  readonly steps: number;
  /** Whether it is still to be seen what the model calls x. */
  readonly unchecked: boolean;
  readonly crossings: SavedCrossings;
  /** Distance of the closest adversarial point. */
  readonly closest: number;
  /** [imageSize] that point; the start where there is none yet. */
  readonly adversarial: Float32Array;
  readonly nearest: Nearest;
}

/** The nearest face of the label's region among those asked for at x, as linear models have it. */
interface Nearest {
  /** Wrong classes asked for. */
  readonly asked: number;
  readonly distance: number;
  /** See `Face`. */
  readonly value: number;
  /** [imageSize]; empty where there is but one class to ask for. */
  readonly gradient: Float32Array;
}

/**
 * FAB's way from one start, `attack_single_run` of `fab_base.py`: it walks along the boundary towards the clean image and
 * takes note of the closest point on the wrong side. The original looks for the label after every step with a forward of its
 * own; here the gradient of the next step tells. Only where the step crossed the boundary, so that the next gradient is
 * wanted at a point nearer to the clean image, was that gradient in vain: where this is likely, the logits come first.
 */
export class FabSearch implements Search<FabState> {
  readonly #tools: FabTools;
  readonly #subject: Subject;
  /** Wrong classes whose faces count. */
  readonly #rivals: readonly number[];
  readonly #x: Float32Array;
  readonly #gradient: Float32Array;
  readonly #adversarial: Float32Array;
  readonly #crossings: Crossings;
  #steps = 0;
  #unchecked = false;
  #closest = Number.POSITIVE_INFINITY;
  #asked = 0;
  #distance = Number.POSITIVE_INFINITY;
  #value = 0;

  /** From a point, which becomes the search's own, or from where a saved search was. */
  constructor(tools: FabTools, subject: Subject, rivals: readonly number[], from: Float32Array | FabState) {
    this.#tools = tools;
    this.#subject = subject;
    this.#rivals = rivals;
    if (from instanceof Float32Array) {
      this.#x = from;
      this.#adversarial = from.slice();
      this.#crossings = new Crossings();
      this.#gradient = new Float32Array(rivals.length > 1 ? from.length : 0);
      return;
    }
    this.#x = from.x.slice();
    this.#adversarial = from.adversarial.slice();
    this.#steps = from.steps;
    this.#unchecked = from.unchecked;
    this.#crossings = new Crossings(from.crossings);
    this.#closest = from.closest;
    this.#gradient = from.nearest.gradient.slice();
    this.#asked = from.nearest.asked;
    this.#distance = from.nearest.distance;
    this.#value = from.nearest.value;
  }

  save(): FabState {
    return {
      x: this.#x,
      steps: this.#steps,
      unchecked: this.#unchecked,
      crossings: this.#crossings.save(),
      closest: this.#closest,
      adversarial: this.#adversarial,
      nearest: { asked: this.#asked, distance: this.#distance, value: this.#value, gradient: this.#gradient },
    };
  }

  /** The closest adversarial point, moved along the line from the clean image to where epsilon ends. */
  get best(): Float32Array {
    const { clean } = this.#subject;
    if (!Number.isFinite(this.#closest)) return this.#adversarial;
    const stretch = this.#tools.threat.epsilon / (this.#closest + TINY);
    return this.#adversarial.map((value, k) => clean[k]! + (value - clean[k]!) * stretch);
  }

  get query(): Query | undefined {
    const isLast = this.#steps === this.#tools.iterations;
    if (isLast && !this.#unchecked) return undefined;
    if (this.#unchecked && (isLast || this.#crossings.likely)) return { kind: 'logits', x: this.#x };
    return { kind: 'gradient', loss: 'difference', x: this.#x, target: this.#rivals[this.#asked]! };
  }

  receive(answer: Answer): Float32Array | undefined {
    if (this.#unchecked) {
      this.#unchecked = false;
      const crossed = predictedClass(answer.logits, 0, answer.logits.length) !== this.#subject.label;
      this.#crossings.record(crossed);
      if (crossed) return this.#turn();
    }
    // Nothing to weigh where only logits were asked for.
    if (answer.gradient.length > 0) this.#weigh(answer);
    return undefined;
  }

  /** From an adversarial point back towards the clean image. Gives the point if it is the closest and close enough. */
  #turn(): Float32Array | undefined {
    const { threat, found } = this.#tools;
    const { clean } = this.#subject;
    const length = distance(this.#x, clean, threat.norm);
    found.set(this.#x);
    pullBack(this.#x, clean);
    if (length >= this.#closest) return undefined;
    this.#closest = length;
    this.#adversarial.set(found);
    // The original compares float32 numbers.
    return Math.fround(length) <= Math.fround(threat.epsilon) ? found : undefined;
  }

  /** Takes a face, after the last one the step to the nearest. A gradient that is not finite counts as none. */
  #weigh({ loss, gradient }: Answer): void {
    const dual = this.#tools.norm.dual(gradient);
    const away = Math.abs(loss) / (TINY + dual);
    const isNearest = Number.isFinite(dual) && away < this.#distance;
    const isLast = ++this.#asked === this.#rivals.length;
    if (isLast) {
      this.#move(isNearest ? { value: loss, gradient } : this.#nearest());
    } else if (isNearest) {
      this.#distance = away;
      this.#value = loss;
      this.#gradient.set(gradient);
    }
  }

  #nearest(): Face {
    if (this.#distance === Number.POSITIVE_INFINITY) return this.#tools.flat;
    return { value: this.#value, gradient: this.#gradient };
  }

  #move(face: Face): void {
    this.#tools.step(this.#x, this.#subject.clean, face);
    this.#steps++;
    this.#unchecked = true;
    this.#asked = 0;
    this.#distance = Number.POSITIVE_INFINITY;
  }
}
