import type { ModuleInfo } from '../checkpoints/module-info.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import { padAxes } from '../onnx/pads.ts';
import type { BinaryOutput } from '../schemas/config.ts';

/** Models of two classes with one output: what it is, their user says. */

/** What is wrong with a model of one output of which nothing is said, and the way out. */
export const ONE_OUTPUT =
  '1 output: a classifier has one logit a class; of a binary model say what it is, "binary": "logit" or "probability" ' +
  '(--binary), and it is read as logits [0, z]';

/** What is wrong where one output is spoken of and there are others. */
export const SEVERAL_OUTPUTS = '"binary" (--binary) is of a model with one output: leave it out';

/** What a reader is to know of how the output is read, by what is done to it. */
export const BINARY_NOTES: Readonly<Record<BinaryOutput, string>> = {
  logit: 'its one output z is the logit of class 1, as stated: logits are [0, z]',
  probability:
    'its one output is the probability of class 1, as stated, and the sigmoid that makes it of z is left off: logits are [0, z]',
};

/**
 * Modules of a network that was pickled whole without the sigmoid that makes its output a probability, where that is stated: it stands
 * last and in no other module. Anywhere else it does something else, and the file is refused for it.
 */
export function withoutSigmoid(
  modules: readonly ModuleInfo[],
  binary: BinaryOutput | undefined,
): readonly ModuleInfo[] {
  const last = modules.at(-1);
  if (binary !== 'probability' || last === undefined) return modules;
  const { className, path, altered } = last;
  const isSigmoid = className === 'torch.nn.modules.activation.Sigmoid' && altered === undefined && !path.includes('.');
  return isSigmoid ? modules.slice(0, -1) : modules;
}

/** Appends the logits [N, 2], which are [0, z], of a logit [N] or [N, 1], ... and returns their name. */
export function appendBinaryLogits(builder: GraphBuilder, logit: string): string {
  const isColumn = builder.shape(logit).length === 2;
  const z = isColumn ? logit : builder.reshape(logit, [{ batch: 1 }, 1]);
  return padAxes(builder, z, [1], [1, 0]);
}

/**
 * Appends [-z/2, z/2] of logits [0, z], the same but for a shift that no softmax and no margin sees. Where float32 rounds the
 * probability of class 1 to 1, the gradient comes from that of class 0 alone, and of [0, z] that is thrown away.
 */
export function appendOpposedLogits(builder: GraphBuilder, logits: string): string {
  return builder.op('MatMul', [logits, builder.constant([0, 0, -0.5, 0.5], [2, 2])]);
}
