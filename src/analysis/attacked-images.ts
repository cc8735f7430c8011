import type { Attack, AttackContext, AttackedModel, AttackPoints, ThreatModel } from '../attacks/attack.ts';
import { clipToThreat } from '../attacks/threat.ts';
import { RunError } from '../contracts/errors.ts';
import { streamOf } from '../random/stream.ts';
import { LastPoints } from './last-points.ts';

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
  const watched = new LastPoints(model);
  const candidates = await attack.run(points, {
    model: watched,
    threat,
    examples: 'last',
    batchSize,
    stream: (image, ...key) => watched.claim(streamOf([seed, image, attack.name, ...key]), image),
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

function lastPoint(watched: LastPoints, image: number, attack: string): Float32Array {
  const point = watched.of(image);
  if (point !== undefined) return point;
  throw new RunError(`attack ${attack} left image ${image} without trying a point: analyse with another attack`);
}
