import { streamOf } from '../random/stream.ts';
import type { Scores } from './scores.ts';

/** The control: importance by chance, each class with an order of its own, the same for the same seed and layer. */
export function randomScores(units: number, classes: number, layer: string, seed: number): Scores {
  const stream = streamOf([seed, 'random-ranking', layer]);
  return { units, classes, data: Float32Array.from({ length: units * classes }, () => stream.uniform()) };
}
