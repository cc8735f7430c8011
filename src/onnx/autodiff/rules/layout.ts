import { toNumbers } from '../../../numeric/tensor.ts';
import type { GraphBuilder } from '../../builder.ts';
import { type Dim, intOf, intsOf, stringOf } from '../../graph.ts';
import { divide, numbersIn } from '../../shapes/dims.ts';
import { fail } from '../../shapes/operands.ts';
import { eachInput, type GradientRule, type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { reshapeLike, sumLike, zerosLike } from '../shape-helpers.ts';

/** Ops that move, join and repeat elements. */

const unchanged: InputRule = ({ dy }) => dy;

const reshape: InputRule = ({ builder, x, dy }) => reshapeLike(builder, dy, x);

const transpose: InputRule = ({ builder, node, dy }) => {
  const order = intsOf(node, 'perm') ?? [...builder.shape(dy).keys()].reverse();
  return builder.op('Transpose', [dy], { perm: order.map((_, axis) => order.indexOf(axis)) });
};

/** Each part is a slice of the whole. */
const concat: InputRule = ({ builder, node, inputs, index, dy }) => {
  const rank = builder.shape(dy).length;
  const axis = (intOf(node, 'axis', 0) + rank) % rank;
  const [start, end] = [index, index + 1].map((count) => totalLength(builder, inputs.slice(0, count), axis));
  return builder.op('Slice', [dy, start!, end!, builder.ints([axis])]);
};

/** Length of the parts joined, as a value: where they are batches it is asked of the graph. */
function totalLength(builder: GraphBuilder, parts: readonly string[], axis: number): string {
  const lengths = numbersIn(parts.map((part) => builder.shape(part)[axis]!));
  if (lengths) return builder.ints([lengths.reduce((sum, length) => sum + length, 0)]);
  const sizes = parts.map((part) => builder.op('Shape', [part], { start: axis, end: axis + 1 }));
  return sizes.reduce((sum, size) => builder.op('Add', [sum, size]));
}

const split: GradientRule = ({ builder }, node, gradients) => {
  const parts = node.outputs.map((part, index) => gradients[index] ?? zerosLike(builder, part));
  return [builder.op('Concat', parts, { axis: intOf(node, 'axis', 0) })];
};

/** d elements repeated r times are r x d elements: the sum over r. */
const tile: InputRule = ({ builder, x, dy }) => {
  const dims = builder.shape(x);
  const repeats = builder.shape(dy).map((length, axis) => divide(length, dims[axis]!) ?? 1);
  const unrolled = builder.reshape(
    dy,
    dims.flatMap((dim, axis) => [repeats[axis]!, dim]),
  );
  return builder.op('ReduceSum', [unrolled, builder.ints(dims.map((_, axis) => 2 * axis))], { keepdims: 0 });
};

const dropout: InputRule = ({ builder, node, inputs, dy }) => {
  const training = inputs[2] ? builder.constantOf(inputs[2]) : undefined;
  if (training && toNumbers(training)[0] === 1) fail(node, 'it is in training mode; export the model in eval mode');
  return dy;
};

/** SpaceToDepth puts the place within a block before the channel, as mode DCR does; CRD has it after. */
const depthToSpace: InputRule = (site) => {
  const { builder, node, dy } = site;
  const blocksize = intOf(node, 'blocksize', 1);
  if (stringOf(node, 'mode', 'DCR') === 'DCR') return builder.op('SpaceToDepth', [dy], { blocksize });
  return channelFirstToDepth(site, blocksize);
};

function channelFirstToDepth({ builder, x, dy }: RuleSite, block: number): string {
  const [batch, channels, height, width] = builder.shape(x) as [Dim, number, number, number];
  const blocks = [batch, channels / (block * block), height, block, width, block];
  const moved = builder.op('Transpose', [builder.reshape(dy, blocks)], { perm: [0, 1, 3, 5, 2, 4] });
  return reshapeLike(builder, moved, x);
}

const spaceToDepth: InputRule = ({ builder, node, dy }) =>
  builder.op('DepthToSpace', [dy], { blocksize: intOf(node, 'blocksize', 1), mode: 'DCR' });

export const LAYOUT_RULES: GradientTable = {
  Identity: perInput(unchanged),
  Dropout: perInput(dropout),
  // From float32 to float32: no other type carries a gradient.
  Cast: perInput(unchanged),
  Reshape: perInput(reshape),
  Flatten: perInput(reshape),
  Squeeze: perInput(reshape),
  Unsqueeze: perInput(reshape),
  Transpose: perInput(transpose),
  Expand: perInput(({ builder, x, dy }) => sumLike(builder, dy, x)),
  Tile: perInput(tile),
  Concat: eachInput(concat),
  Split: split,
  DepthToSpace: perInput(depthToSpace),
  SpaceToDepth: perInput(spaceToDepth),
};
