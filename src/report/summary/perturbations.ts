import type { Perturbation, Picture } from '../../schemas/perturbations.ts';
import type { VariantReport } from '../../schemas/report.ts';

/** What is known of the size of a variant's adversarial examples. */
export interface VariantPerturbations {
  /** Of every broken image, rising by number. */
  readonly images: readonly Perturbation[];
  /** Of those that `extremes` names, as far as they can be drawn. */
  readonly pictures: readonly Picture[];
}

/** Pictures a page shows of each end. */
const SHOWN = 3;

/** The least perturbed images, least first, and the most perturbed, most first; no image is in both. */
export interface Extremes {
  readonly least: Perturbation[];
  readonly most: Perturbation[];
}

/**
 * By distance in the threat's norm to a thousandth of epsilon, then by L2: attacks that use the whole ball leave all their
 * examples at epsilon. Every extreme of a run is one of its shard, so that shards need to draw no others.
 */
export function extremesOf(images: readonly Perturbation[], epsilon: number): Extremes {
  const step = ({ distance }: Perturbation) => Math.round((1000 * distance) / epsilon);
  const sorted = images.toSorted((a, b) => step(a) - step(b) || a.l2 - b.l2 || a.image - b.image);
  const least = Math.min(SHOWN, Math.ceil(sorted.length / 2));
  const most = Math.min(SHOWN, sorted.length - least);
  return { least: sorted.slice(0, least), most: sorted.slice(sorted.length - most).reverse() };
}

/** Accuracy at a radius, as far as is known. */
export interface CurvePoint {
  readonly epsilon: number;
  readonly accuracy: number;
}

/** Radii of a curve: the last is the threat model's. */
const STEPS = 64;

/**
 * The share of images that are right and have no known adversarial example within each radius up to `epsilon`. An upper bound
 * of robust accuracy there: a known example stays one, and there may be nearer ones that nobody found.
 */
export function securityCurve(
  { clean, robust }: Pick<VariantReport, 'clean' | 'robust'>,
  images: readonly Perturbation[],
  { epsilon, total }: { readonly epsilon: number; readonly total: number },
): CurvePoint[] {
  const broken = (radius: number) => images.filter(({ nearest }) => nearest <= radius).length;
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const radius = (epsilon * step) / STEPS;
    // At the end of the ball examples are measured a rounding error beyond it.
    const left = step === STEPS ? robust.correct : clean.correct - broken(radius);
    return { epsilon: radius, accuracy: left / total };
  });
}
