import type { RandomStream } from '../../random/stream.ts';
import type { ThreatModel } from '../attack.ts';
import { euclideanNorm } from '../float32.ts';
import { l1Projection } from './l1.ts';
import { l2Projection } from './l2.ts';
import { linfProjection } from './linf.ts';
import type { Projection } from './projection.ts';

/** All that FAB has to know of a norm. */
export interface FabNorm {
  /** Projections of images of `imageSize` numbers. */
  projection(imageSize: number): Projection;
  /** The norm that turns a difference of logits into a distance: |difference| / |gradient|*. NaN or infinity where an entry is. */
  dual(gradient: Float32Array): number;
  length(offset: Float32Array): number;
  /** One coordinate of a random direction. */
  noise(stream: RandomStream): number;
}

/** FAB by norm: a projection is one file and one entry here. Random directions as in `fab_base.py` of fra31/auto-attack. */
export const FAB_NORMS: Readonly<Record<ThreatModel['norm'], FabNorm>> = {
  Linf: {
    projection: linfProjection,
    dual: sumOfMagnitudes,
    length: largestMagnitude,
    noise: (stream) => 2 * stream.uniform() - 1,
  },
  L2: { projection: l2Projection, dual: euclideanNorm, length: euclideanNorm, noise: (stream) => stream.normal() },
  L1: {
    projection: l1Projection,
    dual: largestMagnitude,
    length: sumOfMagnitudes,
    noise: (stream) => stream.normal(),
  },
};

function sumOfMagnitudes(row: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += Math.abs(row[k]!);
  return sum;
}

function largestMagnitude(row: Float32Array): number {
  let largest = 0;
  for (let k = 0; k < row.length; k++) largest = Math.max(largest, Math.abs(row[k]!));
  return largest;
}
