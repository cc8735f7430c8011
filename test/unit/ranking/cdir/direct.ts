import type { Features } from '../../../../src/ranking/cdir/similarities.ts';
import type { SimilaritySpec } from '../../../../src/schemas/similarities.ts';

export const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
export const mean = (values: readonly number[]) => sum(values) / values.length;

/** The definitions of CLIP-Dissect's similarity.py one element at a time, in float64. */
export function direct(features: Features, spec: SimilaritySpec): number[] {
  const { images, units, concepts } = features;
  const activation = (image: number, unit: number) => features.activations[image * units + unit]!;
  const cosine = (image: number, concept: number) => features.cosines[image * concepts + concept]!;
  const ranked = (unit: number) => range(images).sort((a, b) => activation(b, unit) - activation(a, unit) || a - b);
  const everyPair = (score: (unit: number, concept: number) => number) =>
    range(units).flatMap((unit) => range(concepts).map((concept) => score(unit, concept)));

  switch (spec.name) {
    case 'soft_wpmi':
    case 'wpmi': {
      const [start, end] = spec.name === 'wpmi' ? [1, 1] : [spec.pStart, spec.pEnd];
      const probability = (image: number, c: number) =>
        Math.exp(spec.scale * cosine(image, c)) /
        sum(range(concepts).map((other) => Math.exp(spec.scale * cosine(image, other))));
      const given = everyPair((unit, c) =>
        sum(
          ranked(unit)
            .slice(0, spec.topK)
            .map((image, k) => {
              const p = start - (k / spec.topK) * (start - end);
              return Math.log(1 + p * (probability(image, c) - 1) + spec.minProbability);
            }),
        ),
      );
      const common = range(concepts).map((c) => {
        const column = range(units).map((unit) => given[unit * concepts + c]!);
        const highest = Math.max(...column);
        return highest + Math.log(sum(column.map((value) => Math.exp(value - highest)))) - Math.log(units);
      });
      return everyPair((unit, c) => given[unit * concepts + c]! - spec.lambda * common[c]!);
    }
    case 'rank_reorder':
      return everyPair((unit, c) => {
        const top = ranked(unit).slice(0, Math.trunc(images * spec.topFraction));
        const values = top.map((image) => activation(image, unit));
        const rising = values.toReversed();
        const seen = top.map((image) => cosine(image, c));
        const place = (i: number) => seen.filter((other, j) => other < seen[i]! || (other === seen[i] && j < i)).length;
        const error = mean(values.map((value, i) => Math.abs(value - rising[place(i)]!) ** 3));
        const random = mean(values.flatMap((a) => values.map((b) => Math.abs(a - b) ** 3)));
        return -(error / random) / mean(seen) ** spec.scalePower;
      });
    default: {
      const cubed = spec.name === 'cos_similarity_cubed';
      const vector = (values: number[]) => {
        const shaped = cubed ? values.map((value) => (value - mean(values)) ** 3) : values;
        const norm = Math.sqrt(sum(shaped.map((value) => value ** 2)));
        return shaped.map(
          (value) => value / (spec.name === 'cos_similarity_cubed' ? Math.max(norm, spec.minNorm) : norm),
        );
      };
      return everyPair((unit, c) => {
        const ours = vector(range(images).map((image) => activation(image, unit)));
        const theirs = vector(range(images).map((image) => cosine(image, c)));
        return sum(ours.map((value, i) => value * theirs[i]!));
      });
    }
  }
}
