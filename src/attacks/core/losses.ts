import { TINY } from '../../numeric/float32.ts';
import type { GraphBuilder } from '../../onnx/builder.ts';

/** Less than any probability: in the place of the label's, it leaves the label out of a maximum. */
const EXCLUDED = -1000;

/**
 * The losses white-box attacks raise, each as a piece of graph on top of the logits: its gradient comes from the graph
 * transform, its value from running the graph, so a loss is written once.
 */

/** What a loss may take besides logits and labels, by its name in a `LossBatch`: the classes in its shape are the model's. */
export const LOSS_PARAMETERS = {
  /** [N] classes aimed at */
  targets: { perClass: false },
  /** [N, C] probabilities to leave */
  references: { perClass: true },
  /** [N] what leaving them counts; of `probability-margin`, what its first term does */
  weights: { perClass: false },
} as const;
export type LossParameter = keyof typeof LOSS_PARAMETERS;

/**
 * Names of values in the graph, all float32, classes too: of integers GPUs know little, and a node that the CPU computes has the
 * GPU wait for it in the middle of each step.
 */
export interface LossInputs extends Readonly<Record<LossParameter, string>> {
  /** [N, C] */
  readonly logits: string;
  /** [N] */
  readonly labels: string;
}

export interface Loss {
  /** The parameters it takes; the names of others in `LossInputs` lead nowhere. */
  readonly takes: readonly LossParameter[];
  /** Classes the model must have. */
  readonly minClasses: number;
  /** Appends the loss and returns the name of its values, [N]. */
  build(builder: GraphBuilder, inputs: LossInputs): string;
}

export const LOSS_NAMES = ['ce', 'dlr', 'dlr-targeted', 'cw', 'difference', 'gama', 'probability-margin'] as const;
/**
 * The losses that can be differentiated, by name: cross-entropy `ce`; difference of logits ratio `dlr` and its targeted form
 * `dlr-targeted` (arXiv:2003.01690, section 4); the margin `cw` (arXiv:1608.04644); `difference` of two logits, as FAB has it
 * (arXiv:1907.02044); guided adversarial margin `gama` (arXiv:2011.14969); the margin of probabilities `probability-margin`
 * (arXiv:2411.15210), of which a weight picks the terms.
 */
export type LossName = (typeof LOSS_NAMES)[number];

/** Cross-entropy of each image: -log softmax(z)_y. */
const crossEntropy: Loss = {
  takes: [],
  minClasses: 2,
  build(builder, { logits, labels }) {
    return builder.op('Neg', [pick(builder, builder.op('LogSoftmax', [logits], { axis: 1 }), labels)]);
  },
};

/** Carlini and Wagner's margin, arXiv:1608.04644: max_{i != y} z_i - z_y. */
const margin: Loss = {
  takes: [],
  minClasses: 2,
  build(builder, { logits, labels }) {
    const other = bestOther(builder, descending(builder, logits, 2), labels);
    return builder.op('Neg', [builder.op('Sub', [pick(builder, logits, labels), other])]);
  },
};

/** Difference of logits ratio, arXiv:2003.01690 section 4: -(z_y - max_{i != y} z_i) / (z_(1) - z_(3)). */
const logitsRatio: Loss = {
  takes: [],
  minClasses: 3,
  build(builder, { logits, labels }) {
    const sorted = descending(builder, logits, 3);
    const lead = builder.op('Sub', [pick(builder, logits, labels), bestOther(builder, sorted, labels)]);
    const [first, , third] = sorted.values as [string, string, string];
    return negatedRatio(builder, lead, builder.op('Sub', [first, third]));
  },
};

/** Its targeted form, same section: -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2). */
const targetedLogitsRatio: Loss = {
  takes: ['targets'],
  minClasses: 4,
  build(builder, { logits, labels, targets }) {
    const lead = builder.op('Sub', [pick(builder, logits, labels), pick(builder, logits, targets)]);
    const [first, , third, fourth] = descending(builder, logits, 4).values as [string, string, string, string];
    const middle = builder.op('Mul', [builder.op('Add', [third, fourth]), builder.constant(0.5)]);
    return negatedRatio(builder, lead, builder.op('Sub', [first, middle]));
  },
};

/** What FAB takes a linear model of, arXiv:1907.02044 section 2: z_t - z_y, below 0 while the target is behind. */
const difference: Loss = {
  takes: ['targets'],
  minClasses: 2,
  build(builder, { logits, labels, targets }) {
    return builder.op('Sub', [pick(builder, logits, targets), pick(builder, logits, labels)]);
  },
};

/**
 * Guided adversarial margin, arXiv:2011.14969 section 4, on probabilities p instead of logits:
 * max_{i != y} p_i - p_y + weight |p - reference|^2.
 */
const guidedMargin: Loss = {
  takes: ['references', 'weights'],
  minClasses: 2,
  build(builder, { logits, labels, references, weights }) {
    const probabilities = builder.op('Softmax', [logits], { axis: 1 });
    const lead = builder.op('Sub', [
      largestOther(builder, probabilities, labels),
      pick(builder, probabilities, labels),
    ]);
    const shift = builder.op('Sub', [references, probabilities]);
    const distance = rowSum(builder, builder.op('Mul', [shift, shift]));
    return builder.op('Add', [builder.op('Mul', [weights, distance]), lead]);
  },
};

/**
 * Margin of probabilities p, arXiv:2411.15210 section 3, its terms weighted: 2 (weight max_{i != y} p_i - (1 - weight) p_y). A
 * weight of 1/2 is the margin, and 1 and 0 are one term of it alone, which is what PMA climbs first.
 */
const probabilityMargin: Loss = {
  takes: ['weights'],
  minClasses: 2,
  build(builder, { logits, labels, weights }) {
    const probabilities = builder.op('Softmax', [logits], { axis: 1 });
    const other = builder.op('Mul', [weights, largestOther(builder, probabilities, labels)]);
    const rest = builder.op('Sub', [builder.constant(1), weights]);
    const label = builder.op('Mul', [rest, pick(builder, probabilities, labels)]);
    return builder.op('Mul', [builder.op('Sub', [other, label]), builder.constant(2)]);
  },
};

export const LOSSES: Readonly<Record<LossName, Loss>> = {
  ce: crossEntropy,
  dlr: logitsRatio,
  'dlr-targeted': targetedLogitsRatio,
  cw: margin,
  difference,
  gama: guidedMargin,
  'probability-margin': probabilityMargin,
};

export function isTargeted(loss: LossName): boolean {
  return LOSSES[loss].takes.includes('targets');
}

/** -numerator / (denominator + 1e-12), the original's guard against equal logits included. */
function negatedRatio(builder: GraphBuilder, numerator: string, denominator: string): string {
  const guarded = builder.op('Add', [denominator, builder.constant(TINY)]);
  return builder.op('Div', [builder.op('Neg', [numerator]), guarded]);
}

/** The entry of each row of [N, C] at its class: [N]. */
function pick(builder: GraphBuilder, rows: string, classes: string): string {
  return rowSum(builder, builder.op('Where', [isOfClass(builder, rows, classes), rows, builder.constant(0)]));
}

/** Whether an entry of `rows`, [N, C], is the one of its row's class. */
function isOfClass(builder: GraphBuilder, rows: string, classes: string): string {
  return builder.op('Equal', [numbersOfClasses(builder, rows), column(builder, classes)]);
}

/** 0, 1, 2, ...: [C]. */
function numbersOfClasses(builder: GraphBuilder, rows: string): string {
  return builder.constant(Array.from({ length: classCount(builder, rows) }, (_, k) => k));
}

/** [N] as [N, 1]. */
function column(builder: GraphBuilder, values: string): string {
  return builder.reshape(values, [...builder.shape(values), 1]);
}

function rowSum(builder: GraphBuilder, rows: string): string {
  return builder.op('ReduceSum', [rows, builder.ints([1])], { keepdims: 0 });
}

/**
 * The largest probability but the label's, [N]; of equal ones the lower class counts, as PyTorch's argmax has it in
 * `GAMA_PGD.py` of val-iisc/GAMA-GAT. Elsewhere the higher one does: see `descending`.
 */
function largestOther(builder: GraphBuilder, probabilities: string, labels: string): string {
  const isLabel = isOfClass(builder, probabilities, labels);
  const others = builder.op('Where', [isLabel, builder.constant(EXCLUDED), probabilities]);
  const outputs = [builder.fresh('largest'), builder.fresh('class')];
  const [largest] = builder.ops('TopK', [others, builder.ints([1])], { outputs }) as [string];
  return rowSum(builder, largest);
}

/** The best logits of each row, best first. */
interface Descending {
  /** Each [N]. */
  readonly values: readonly string[];
  /** Class of the first one, [N]. */
  readonly top: string;
}

/**
 * The `count` largest logits. TopK puts the lower of two equal entries first, PyTorch's ascending sort read from its end
 * the higher class; which one takes the gradient depends on it, so the classes are turned round.
 */
function descending(builder: GraphBuilder, logits: string, count: number): Descending {
  const last = classCount(builder, logits) - 1;
  const reversal = builder.ints(Array.from({ length: last + 1 }, (_, k) => last - k));
  const reversed = builder.op('Gather', [logits, reversal], { axis: 1 });
  const outputs = [builder.fresh('sorted'), builder.fresh('order')];
  const [sorted] = builder.ops('TopK', [reversed, builder.ints([count])], { outputs }) as [string];
  const values = Array.from({ length: count }, (_, index) =>
    builder.op('Gather', [sorted, builder.ints(index)], { axis: 1 }),
  );
  return { values, top: lastAt(builder, logits, values[0]!) };
}

/** The highest class of each row at which `rows` has that value: [N]. */
function lastAt(builder: GraphBuilder, rows: string, values: string): string {
  const isThere = builder.op('Equal', [rows, column(builder, values)]);
  const classes = builder.op('Where', [isThere, numbersOfClasses(builder, rows), builder.constant(-1)]);
  return builder.op('ReduceMax', [classes, builder.ints([1])], { keepdims: 0 });
}

/** max_{i != y} z_i: the second logit where the first is the label's, else the first. */
function bestOther(builder: GraphBuilder, { values, top }: Descending, labels: string): string {
  const [first, second] = values as [string, string];
  return builder.op('Where', [builder.op('Equal', [top, labels]), second, first]);
}

function classCount(builder: GraphBuilder, logits: string): number {
  const classes = builder.shape(logits)[1];
  if (typeof classes !== 'number') throw new Error(`logits must be [N, C] with C known, ${logits} is not`);
  return classes;
}
