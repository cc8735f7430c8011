import { keyedStream, type RandomStream } from '../../numeric/random.ts';
import { rowOf } from '../../numeric/rows.ts';
import type { ModelProof, ProofCheck } from '../../schemas/proof.ts';
import type { MeteredModel } from '../onnx-model.ts';
import { inShort, requireAgreement } from './agreement.ts';

/** A model that can be compared with a plain one of the same graph. */
export interface ProvableModel extends MeteredModel {
  /** Elements of its float32 weights. */
  readonly weights: number;
  /** Where it is differentiated otherwise than its ops say: a surrogate, whose gradient is meant to be another. */
  readonly hasOwnGradient: boolean;
  /** The same graph, computed by the CPU as it is written; undefined where the runtime has nothing of the kind. */
  plain(): (MeteredModel & { release(): Promise<void> }) | undefined;
}

/** The noise of an image is its own, whatever batch it is in. */
export function streamsFor(images: readonly number[]): RandomStream[] {
  return images.map((image) => keyedStream(['proof', 'noise', image]));
}

/** A model on the images of its proof, and what has been found. */
export class ProofCase {
  readonly model: ProvableModel;
  /** How messages call it. */
  readonly name: string;
  /** [n, imageSize] */
  readonly x: Float32Array;
  /** 0 to n - 1 */
  readonly images: readonly number[];
  /** [n, classes] of the session in use, all images in one batch. */
  readonly logits: Float32Array;
  readonly notes: ModelProof['notes'] = [];
  readonly #worst = new Map<ProofCheck, number>();

  private constructor(model: ProvableModel, name: string, x: Float32Array, logits: Float32Array) {
    this.model = model;
    this.name = name;
    this.x = x;
    this.logits = logits;
    this.images = [...Array(x.length / model.imageSize).keys()];
  }

  static async open(model: ProvableModel, name: string, x: Float32Array): Promise<ProofCase> {
    const images = [...Array(x.length / model.imageSize).keys()];
    return new ProofCase(model, name, x, await model.logits(x, streamsFor(images)));
  }

  get checks(): ModelProof['checks'] {
    return [...this.#worst].map(([check, difference]) => ({ check, difference }));
  }

  found(check: ProofCheck, difference: number): void {
    this.#worst.set(check, Math.max(difference, this.#worst.get(check) ?? 0));
  }

  note(code: string, message: string): void {
    if (!this.notes.some((known) => known.code === code)) this.notes.push({ code, message });
  }

  /** Logits of other images in the place of these. */
  ask(x: Float32Array): Promise<Float32Array> {
    return this.model.logits(x, streamsFor(this.images));
  }

  /** What `ask` gives of each image without the others. */
  async eachAlone(
    ask: (x: Float32Array, streams: RandomStream[], image: number) => Promise<Float32Array>,
  ): Promise<Float32Array[]> {
    const answers: Float32Array[] = [];
    for (const image of this.images)
      answers.push(await ask(rowOf(this.x, image, this.model.imageSize), streamsFor([image]), image));
    return answers;
  }

  /** Compares logits with those of the session in use. Throws ModelError with the `problem` where they differ. */
  async requireSameLogits(
    check: ProofCheck,
    logits: Float32Array,
    problem: (difference: string) => string,
  ): Promise<void> {
    const { difference, illConditioned } = await requireAgreement({
      ...{ answers: [this.logits, logits], classes: this.model.classes, x: this.x, problem },
      ask: (x) => this.ask(x),
    });
    this.found(check, difference);
    if (illConditioned)
      this.note(
        'ill-conditioned',
        `it magnifies rounding: logits differ by ${inShort(difference)} of their size (${check})`,
      );
  }
}
