import { isFiniteRow } from '../../numeric/float32.ts';
import { rowOf } from '../../numeric/rows.ts';

/** In the place of a class: logits of which one is NaN or infinite predict none. */
export const NO_PREDICTION = -1;

/**
 * Class that row `row` of logits [n, classes] predicts: the first of the largest logits; NO_PREDICTION (-1) where one of them
 * is NaN or infinite. PyTorch's argmax takes NaN for the largest, and a model that breaks down is right on class 0.
 */
export function predictedClass(logits: Float32Array, row: number, classes: number): number {
  const values = rowOf(logits, row, classes);
  if (!isFiniteRow(values)) return NO_PREDICTION;
  let predicted = 0;
  for (let k = 1; k < classes; k++) if (values[k]! > values[predicted]!) predicted = k;
  return predicted;
}

/** Whether a prediction is another class than the label: what makes an adversarial example. No prediction does not. */
export function isOtherClass(prediction: number, label: number): boolean {
  return prediction !== label && prediction !== NO_PREDICTION;
}

/** Whether the logits [classes] of one image predict another class than its label. */
export function isMisclassified(logits: Float32Array, label: number): boolean {
  return isOtherClass(predictedClass(logits, 0, logits.length), label);
}

/**
 * The classes other than `label` by falling logit: what targeted attacks aim at, best chances first. Equal logits come
 * in order of falling class, as PyTorch's ascending sort read from its end. The original takes ranks 2, 3, ... of all
 * classes, the same but where the label is not first (a tie, noise): there it would aim at the label itself. A logit that is
 * no number, of another model than the one that is right here, comes last.
 */
export function otherClasses(logits: Float32Array, row: number, classes: number, label: number): number[] {
  const offset = row * classes;
  return Array.from({ length: classes }, (_, k) => k)
    .filter((k) => k !== label)
    .sort((a, b) => standing(logits[offset + b]!) - standing(logits[offset + a]!) || b - a);
}

function standing(logit: number): number {
  return Number.isNaN(logit) ? -Number.MAX_VALUE : Math.min(Math.max(logit, -Number.MAX_VALUE), Number.MAX_VALUE);
}
