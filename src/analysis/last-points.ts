import type { AttackedModel, LossBatch } from '../attacks/attack.ts';
import type { LossName } from '../attacks/losses.ts';
import type { RandomSource, RandomStream } from '../random/stream.ts';

/**
 * An attack gives up an image it could not break as it was. To see where it got, this stands between the attack and the
 * model and keeps the last point asked about for each image, which is what the public code's attacks return. Rows are told
 * by their streams: whose stream it is, whose point it is.
 */
export class LastPoints implements AttackedModel {
  readonly #model: AttackedModel;
  readonly #imageOf = new WeakMap<RandomSource, number>();
  readonly #points = new Map<number, Float32Array>();

  constructor(model: AttackedModel) {
    this.#model = model;
  }

  get classes(): number {
    return this.#model.classes;
  }

  get imageSize(): number {
    return this.#model.imageSize;
  }

  get imageShape(): AttackedModel['imageShape'] {
    return this.#model.imageShape;
  }

  get randomised(): boolean {
    return this.#model.randomised;
  }

  /** Remembers that a stream is this image's. */
  claim(stream: RandomStream, image: number): RandomStream {
    this.#imageOf.set(stream, image);
    return stream;
  }

  /** [imageSize]; undefined where the attack asked nothing about the image. */
  of(image: number): Float32Array | undefined {
    return this.#points.get(image);
  }

  logits(x: Float32Array, streams: readonly RandomSource[]) {
    this.#watch(x, streams);
    return this.#model.logits(x, streams);
  }

  gradient(loss: LossName, batch: LossBatch, streams: readonly RandomSource[]) {
    this.#watch(batch.x, streams);
    return this.#model.gradient(loss, batch, streams);
  }

  #watch(x: Float32Array, streams: readonly RandomSource[]): void {
    for (const [row, stream] of streams.entries()) {
      const image = this.#imageOf.get(stream);
      if (image === undefined) continue;
      const point = this.#points.get(image) ?? new Float32Array(this.imageSize);
      point.set(x.subarray(row * this.imageSize, (row + 1) * this.imageSize));
      this.#points.set(image, point);
    }
  }
}
