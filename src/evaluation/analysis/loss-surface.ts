import type { AttackedModel, ThreatModel } from '../../attacks/core/attack.ts';
import { predictedClass } from '../../attacks/core/predictions.ts';
import { distance } from '../../attacks/norms/threat-model.ts';
import { isFiniteRow } from '../../numeric/float32.ts';
import { keyedStream, type StreamKey } from '../../numeric/random.ts';

/**
 * The loss on a plane through an image (IG-Defense, Fig. 8): along the sign of the model's own gradient, which is where a
 * white-box attack goes, and along a random direction of +1 and -1 (Rademacher). A model whose gradients are masked shows
 * it here: the surface is ragged, or flat along the gradient and not elsewhere.
 */

export interface SurfaceImage {
  /** [imageSize] */
  readonly x: Float32Array;
  readonly label: number;
  /** Index in the data set: names its random direction, the same one for every model. */
  readonly image: number;
}

export interface SurfaceOptions {
  readonly threat: ThreatModel;
  /** Along each direction; odd. */
  readonly points: number;
  readonly seed: number;
  readonly batchSize: number;
  /** Called after every evaluation with the points done so far. */
  readonly progress?: (done: number) => void;
}

export interface Surface {
  /** [points] */
  readonly steps: number[];
  /** [points][points] cross-entropy; rows along the gradient, columns along the random direction. */
  readonly loss: number[][];
  readonly prediction: number[][];
  /** Zero at the image, or NaN or infinite there. */
  readonly zeroGradient: boolean;
}

export async function lossSurface(
  model: AttackedModel,
  { x, label, image }: SurfaceImage,
  options: SurfaceOptions,
): Promise<Surface> {
  const { points, threat, seed, batchSize, progress } = options;
  // One noise for all points: what varies over the surface is the point alone.
  const noise: StreamKey = [seed, image, 'surface', 'noise'];
  const given = await model.gradient('ce', { x, labels: Int32Array.of(label) }, [keyedStream(noise)]);
  // As attacks take it: one that is not finite leads nowhere.
  const gradient = isFiniteRow(given.gradient) ? given.gradient : new Float32Array(x.length);
  const plane = {
    x,
    steepest: ofUnitNorm(gradient.map(Math.sign), threat),
    random: ofUnitNorm(rademacher(x.length, [seed, image, 'surface', 'direction']), threat),
  };
  const steps = stepsWithin(threat.epsilon, points);
  const places = steps.flatMap((a) => steps.map((b) => [a, b] as const));
  const loss: number[] = [];
  const prediction: number[] = [];
  for (let first = 0; first < places.length; first += batchSize) {
    const batch = places.slice(first, first + batchSize);
    const streams = batch.map(() => keyedStream(noise));
    const logits = await model.logits(pointsOf(plane, batch), streams);
    for (const row of batch.keys()) {
      loss.push(crossEntropy(logits.subarray(row * model.classes, (row + 1) * model.classes), label));
      prediction.push(predictedClass(logits, row, model.classes));
    }
    progress?.(loss.length);
  }
  const zeroGradient = gradient.every((value) => value === 0);
  return { steps, loss: inRows(loss, points), prediction: inRows(prediction, points), zeroGradient };
}

/** A plane through the image x; each is [imageSize]. */
interface Plane {
  readonly x: Float32Array;
  readonly steepest: Float32Array;
  readonly random: Float32Array;
}

/** x + a steepest + b random for each (a, b), within [0, 1]: [n, imageSize]. */
function pointsOf({ x, steepest, random }: Plane, places: readonly (readonly [number, number])[]): Float32Array {
  const rows = new Float32Array(places.length * x.length);
  for (const [row, [a, b]] of places.entries())
    for (let k = 0; k < x.length; k++) {
      const value = x[k]! + a * steepest[k]! + b * random[k]!;
      rows[row * x.length + k] = Math.min(Math.max(value, 0), 1);
    }
  return rows;
}

/** From -epsilon to epsilon, 0 in the middle exactly. */
export function stepsWithin(epsilon: number, points: number): number[] {
  const middle = (points - 1) / 2;
  return Array.from({ length: points }, (_, i) => (epsilon * (i - middle)) / middle);
}

/** -log softmax(z)_y in float64. */
export function crossEntropy(logits: Float32Array, label: number): number {
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
  return highest + Math.log(sum) - logits[label]!;
}

function rademacher(size: number, key: StreamKey): Float32Array {
  const stream = keyedStream(key);
  return Float32Array.from({ length: size }, () => (stream.uniform() < 0.5 ? -1 : 1));
}

/** The direction, one unit of the threat's norm long; a zero direction stays zero. */
function ofUnitNorm(direction: Float32Array, { norm }: ThreatModel): Float32Array {
  const length = distance(direction, new Float32Array(direction.length), norm);
  return length === 0 ? direction : direction.map((value) => value / length);
}

function inRows(values: readonly number[], size: number): number[][] {
  return Array.from({ length: size }, (_, row) => values.slice(row * size, (row + 1) * size));
}
