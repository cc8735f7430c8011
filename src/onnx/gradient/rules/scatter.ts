import { intOf, stringOf } from '../../graph.ts';
import { fail } from '../../shapes/operands.ts';
import { zerosLike } from '../like.ts';
import { type GradientTable, type InputRule, perInput, type Site } from '../rule.ts';

/** Ops that read or write at places that are data: gathering and scattering are each other's adjoint. */

const gatherElements: InputRule = ({ builder, node, inputs, x, dy }) =>
  builder.op('ScatterElements', [zerosLike(builder, x), inputs[1]!, dy], {
    axis: intOf(node, 'axis', 0),
    reduction: 'add',
  });

const gatherND: InputRule = ({ builder, node, inputs, x, dy }) => {
  if (intOf(node, 'batch_dims', 0) !== 0) fail(node, 'no gradient rule for batch_dims');
  return builder.op('ScatterND', [zerosLike(builder, x), inputs[1]!, dy], { reduction: 'add' });
};

/** The values go back where they came from. */
const topK: InputRule = (site) => {
  const { builder, node, x, dy } = site;
  const indices = node.outputs[1] || topIndices(site);
  return builder.op('ScatterElements', [zerosLike(builder, x), indices, dy], { axis: intOf(node, 'axis', -1) });
};

/** The indices, where the node itself leaves them out. */
function topIndices({ builder, node, inputs }: Site): string {
  const outputs = [builder.fresh('values'), builder.fresh('indices')];
  return builder.ops('TopK', inputs, { outputs, attributes: node.attributes })[1]!;
}

/** Whether updates are added to the data instead of written over it. */
function adds({ node }: Site): boolean {
  const reduction = stringOf(node, 'reduction', 'none');
  return reduction === 'add' || (reduction !== 'none' && fail(node, `no gradient rule for reduction "${reduction}"`));
}

/** The data keeps its gradient but where it is written over. */
const scatteredInto: InputRule = (site) => {
  const { builder, node, inputs, dy } = site;
  if (adds(site)) return dy;
  return builder.op(node.op, [dy, inputs[1]!, zerosLike(builder, inputs[2]!)], node.attributes);
};

const indices: InputRule = ({ node }) => fail(node, 'no gradient rule for indices');

/** The updates read the gradient at the places they were written to. */
const updates =
  (gather: 'GatherElements' | 'GatherND'): InputRule =>
  (site) => {
    adds(site);
    const { builder, node, inputs, dy } = site;
    const attributes = gather === 'GatherElements' ? { axis: intOf(node, 'axis', 0) } : {};
    return builder.op(gather, [dy, inputs[1]!], attributes);
  };

export const SCATTER_RULES: GradientTable = {
  GatherElements: perInput(gatherElements),
  GatherND: perInput(gatherND),
  ScatterElements: perInput(scatteredInto, indices, updates('GatherElements')),
  ScatterND: perInput(scatteredInto, indices, updates('GatherND')),
  TopK: perInput(topK),
};
