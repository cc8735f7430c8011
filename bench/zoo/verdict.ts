/** How an export is judged: by many images, and beside PyTorch's own float32. */

/** Relative errors of one image: |ours - truth| / |truth|, in the 2-norm. */
export type Errors = readonly number[];

/** An error that rounding alone does not make. One image in 25 has it on CIFAR networks, where a ReLU's input is zero but for rounding. */
export const OUTLIER = 1e-4;
/** PyTorch's float32 differs from float64 by 1e-6 where no kink is near; other orders of summation by a few times that. */
const ROUNDING = 1e-5;
/** How much worse than PyTorch's float32 is still rounding: sums of other orders, other kernels. */
const TIMES_WORSE = 5;

/** One export, compared. */
export type Verdict =
  | {
      readonly kind: 'ok';
      readonly logits: number;
      readonly quartile: number;
      readonly outliers: number;
      readonly smooth?: boolean;
    }
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
 * rounding: deep networks have such an image in two. A wrong rule is wrong on all of them, so the best quarter has to agree
 * to rounding, and beyond `OUTLIER` may be twice as many as with PyTorch's float32, and a quarter.
 */
export function judge({ logits, gradient, logits32, gradient32 }: Measured): Verdict {
  if (gradient.length === 0) return { kind: 'wrong', what: 'no image has a gradient to compare with' };
  const worst = Math.max(...logits);
  const [quartile, outliers] = [quartileOf(gradient), outliersIn(gradient)];
  const wrong = (what: string): Verdict => ({ kind: 'wrong', what });
  if (!(worst <= Math.max(OUTLIER, TIMES_WORSE * Math.max(...logits32))))
    return wrong(`logits off by ${worst.toExponential(1)}`);
  const allowed = 2 * outliersIn(gradient32) + Math.ceil(gradient.length / 4);
  if (!(quartile <= Math.max(ROUNDING, TIMES_WORSE * quartileOf(gradient32))) || outliers > allowed)
    return wrong(`gradient off by ${quartile.toExponential(1)} and more, ${outliers} of ${gradient.length} images`);
  return { kind: 'ok', logits: worst, quartile, outliers };
}

/**
 * Relative errors image by image; rows of `values` and `truth` are images. Those without a truth to compare with are left
 * out: far on the right side the loss has no slope in float32.
 */
export function errorsOf(values: Float32Array, truth: Float32Array, images: number): number[] {
  const size = truth.length / images;
  return Array.from({ length: images }, (_, image) => {
    let [difference, norm] = [0, 0];
    for (let at = image * size; at < (image + 1) * size; at++) {
      difference += (values[at]! - truth[at]!) ** 2;
      norm += truth[at]! ** 2;
    }
    return { difference, norm };
  }).flatMap(({ difference, norm }) => (norm > 0 ? [Math.sqrt(difference / norm)] : []));
}

function outliersIn(errors: Errors): number {
  return errors.filter((error) => !(error <= OUTLIER)).length;
}

/** The error that a quarter of the images stay within. */
function quartileOf(errors: Errors): number {
  return [...errors].sort((a, b) => a - b)[Math.floor(errors.length / 4)]!;
}
