import type {
  Attack,
  AttackContext,
  AttackedModel,
  AttackPoints,
  LossBatch,
  ThreatModel,
} from '../../attacks/core/attack.ts';
import type { LossName } from '../../attacks/core/losses.ts';
import { clipToThreat } from '../../attacks/norms/threat-model.ts';
import { RunError } from '../../errors.ts';
import { keyedStream, type RandomSource, type RandomStream } from '../../numeric/random.ts';

export interface CraftOptions {
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly batchSize: number;
  readonly progress?: AttackContext['progress'];
}

/**
 * Where an attack leaves every image, [n, imageSize]: its adversarial example, or the last point tried where it has none.
 * Streams are those of an evaluation, so the examples are as well. Throws RunError where the attack never looked at an image.
 */
export async function attackedImages(
  model: AttackedModel,
  attack: Attack,
  points: AttackPoints,
  { threat, seed, batchSize, progress }: CraftOptions,
): Promise<Float32Array> {
  const watched = new LastIterates(model);
  const candidates = await attack.run(points, {
    model: watched,
    threat,
    examples: 'last',
    batchSize,
    stream: (image, ...key) => watched.claim(keyedStream([seed, image, attack.name, ...key]), image),
    ...(progress === undefined ? {} : { progress }),
  });
  const x = candidates.x.slice();
  for (const [row, image] of points.images.entries()) {
    const place = row * model.imageSize;
    if (candidates.broken[row] !== 1) x.set(lastPoint(watched, image, attack.name), place);
    const clean = points.x.subarray(place, place + model.imageSize);
    clipToThreat(x.subarray(place, place + model.imageSize), clean, threat);
  }
  return x;
}

function lastPoint(watched: LastIterates, image: number, attack: string): Float32Array {
  const point = watched.of(image);
  if (point !== undefined) return point;
  throw new RunError(`attack ${attack} left image ${image} without trying a point: analyse with another attack`);
}

/**
 * An attack gives up an image it could not break as it was. To see where it got, this stands between the attack and the
 * model and keeps the last point asked about for each image, which is what the public code's attacks return. Rows are told
 * by their streams: whose stream it is, whose point it is.
 */
class LastIterates implements AttackedModel {
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
