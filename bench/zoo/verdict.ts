/** How an export is judged: by many images, and beside PyTorch's own float32. */

/** Relative errors of one image: |ours - truth| / |truth|, in the 2-norm. */
export type Errors = readonly number[];

/** An error that rounding alone does not make. One image in 25 has it on CIFAR networks, where a ReLU's input is zero but for rounding. */
export const OUTLIER = 1e-4;
/** PyTorch's float32 differs from float64 by 1e-6 in the median; other orders of summation by a few times that. */
const MEDIAN = 1e-5;
/** How much worse than PyTorch's float32 is still rounding: sums of other orders, other kernels. */
const TIMES_WORSE = 5;

/** One export, compared. */
export type Verdict =
  | { readonly kind: 'ok'; readonly logits: number; readonly median: number; readonly outliers: number }
  | { readonly kind: 'wrong'; readonly what: string }
  /** By name: an InputError of ours. */
  | { readonly kind: 'refused'; readonly message: string }
  /** By anything else: onnxruntime's own words, or a bug. */
  | { readonly kind: 'failed'; readonly message: string }
  /** PyTorch's exporter gave no file. */
  | { readonly kind: 'not exported'; readonly message: string };

/** Errors of the logits and the gradient of each image, and the same of PyTorch's float32. */
export interface Measured {
  readonly logits: Errors;
  readonly gradient: Errors;
  readonly logits32: Errors;
  readonly gradient32: Errors;
}

/**
 * Logits are continuous: the worst image counts. Gradients jump at kinks, and which side of one an image is on may hang on
 * rounding: the median counts, and of images beyond `OUTLIER` twice as many as PyTorch's float32 has, and a quarter, pass.
 */
export function judge({ logits, gradient, logits32, gradient32 }: Measured): Verdict {
  const worst = Math.max(...logits);
  const median = medianOf(gradient);
  const outliers = outliersIn(gradient);
  const wrong = (what: string): Verdict => ({ kind: 'wrong', what });
  if (!(worst <= Math.max(OUTLIER, TIMES_WORSE * Math.max(...logits32))))
    return wrong(`logits off by ${worst.toExponential(1)}`);
  const allowed = 2 * outliersIn(gradient32) + Math.ceil(gradient.length / 4);
  if (!(median <= Math.max(MEDIAN, TIMES_WORSE * medianOf(gradient32))) || outliers > allowed)
    return wrong(`gradient off by ${median.toExponential(1)} in the median, ${outliers} of ${gradient.length} images`);
  return { kind: 'ok', logits: worst, median, outliers };
}

/** Relative errors image by image; rows of `values` and `truth` are images. */
export function errorsOf(values: Float32Array, truth: Float32Array, images: number): number[] {
  const size = truth.length / images;
  return Array.from({ length: images }, (_, image) => {
    let [difference, norm] = [0, 0];
    for (let at = image * size; at < (image + 1) * size; at++) {
      difference += (values[at]! - truth[at]!) ** 2;
      norm += truth[at]! ** 2;
    }
    return Math.sqrt(difference / norm);
  });
}

export function outliersIn(errors: Errors): number {
  return errors.filter((error) => !(error <= OUTLIER)).length;
}

export function medianOf(errors: Errors): number {
  const sorted = [...errors].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
