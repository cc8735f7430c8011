/**
 * Class that row `row` of logits [n, classes] predicts: the first of the largest logits. NaN counts as the largest, as in
 * PyTorch, so that a model that breaks down does not look right.
 */
export function predictedClass(logits: Float32Array, row: number, classes: number): number {
  const offset = row * classes;
  let predicted = 0;
  for (let k = 0; k < classes; k++) {
    const value = logits[offset + k]!;
    if (Number.isNaN(value)) return k;
    if (value > logits[offset + predicted]!) predicted = k;
  }
  return predicted;
}

/**
 * The classes other than `label` by falling logit: what targeted attacks aim at, best chances first. Equal logits come
 * in order of falling class, as PyTorch's ascending sort read from its end. The original takes ranks 2, 3, ... of all
 * classes, the same but where the label is not first (a tie, noise): there it would aim at the label itself.
 */
export function otherClasses(logits: Float32Array, row: number, classes: number, label: number): number[] {
  const offset = row * classes;
  return Array.from({ length: classes }, (_, k) => k)
    .filter((k) => k !== label)
    .sort((a, b) => logits[offset + b]! - logits[offset + a]! || b - a);
}
