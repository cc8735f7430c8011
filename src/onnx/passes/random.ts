import type { GraphBuilder } from '../builder.ts';
import { ELEMENT_CODES } from '../element-types.ts';
import { type Dim, floatOf, formatDims, type Graph, intOf, type Node, sameDim } from '../graph.ts';
import { type Distribution, randomInputName } from '../random-inputs.ts';
import { fail } from '../shapes/operands.ts';
import type { Rule } from './rewrite.ts';

/**
 * Nodes that draw random numbers as arithmetic on standard draws, which become inputs of the graph: whoever evaluates it feeds
 * each image its own, so that an outcome depends on the image and its draw, never on the batch. What such a node draws is no
 * function of the images, so no gradient flows through it but by its scale and shift.
 */
export function drawsAsInputs(graph: Graph): Rule {
  const draws = new Draws(graph.inputs[0]?.name ?? '');
  return (node, builder) => (node.domain === '' ? LOWERINGS[node.op]?.(node, builder, draws) : undefined);
}

type Lowering = (node: Node, builder: GraphBuilder, draws: Draws) => Node | string | undefined;

/** https://onnx.ai/onnx/operators/onnx__RandomNormal.html, and RandomNormalLike. */
const normal: Lowering = (node, builder, draws) =>
  affine(node, builder, draws.input('normal', node, builder), {
    scale: floatOf(node, 'scale', 1),
    shift: floatOf(node, 'mean', 0),
  });

/** https://onnx.ai/onnx/operators/onnx__RandomUniform.html, and RandomUniformLike: in [low, high). */
const uniform: Lowering = (node, builder, draws) => {
  const [low, high] = [floatOf(node, 'low', 0), floatOf(node, 'high', 1)];
  return affine(node, builder, draws.input('uniform', node, builder), { scale: high - low, shift: low });
};

/** https://onnx.ai/onnx/operators/onnx__Bernoulli.html: 1 with the probability that its input says. */
const bernoulli: Lowering = (node, builder, draws) => {
  const isOne = builder.op('Less', [draws.input('uniform', node, builder), node.inputs[0] ?? '']);
  return castTo(node, isOne);
};

/** https://onnx.ai/onnx/operators/onnx__Dropout.html in training mode: what is kept is divided by its share. */
const dropout: Lowering = (node, builder, draws) => {
  const [data = '', ratioName = '', modeName = ''] = node.inputs;
  const given = (name: string, usual: number, what: string) =>
    name === '' ? usual : Number(builder.constantOf(name)?.data[0] ?? fail(node, `${what} is computed`));
  const ratio = given(ratioName, 0.5, 'its ratio');
  if (given(modeName, 0, 'whether it is in training mode') === 0) return undefined;
  if (ratio === 0) return { ...node, inputs: [data] };
  if (!(ratio > 0 && ratio < 1)) fail(node, `its ratio is ${ratio}, and has to be in [0, 1)`);
  const uniforms = draws.input('uniform', node, builder);
  const kept = builder.op('GreaterOrEqual', [uniforms, builder.constant(ratio)]);
  const [, mask] = node.outputs;
  if (mask) builder.op('Identity', [kept], {}, { outputs: [mask] });
  const scale = builder.op('Mul', [
    builder.op('Cast', [kept], { to: ELEMENT_CODES.float32 }),
    builder.constant(1 / (1 - ratio)),
  ]);
  return {
    op: 'Mul',
    domain: '',
    name: node.name,
    inputs: [data, scale],
    outputs: node.outputs.slice(0, 1),
    attributes: {},
  };
};

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  RandomNormal: normal,
  RandomNormalLike: normal,
  RandomUniform: uniform,
  RandomUniformLike: uniform,
  Bernoulli: bernoulli,
  Dropout: dropout,
};

/** The inputs made so far. */
class Draws {
  readonly #images: string;
  #count = 0;

  constructor(images: string) {
    this.#images = images;
  }

  /** A new input of the shape that the node draws. Throws GraphError where that is not one value an image. */
  input(distribution: Distribution, node: Node, builder: GraphBuilder): string {
    const [batch, ...dims] = drawnShape(node, builder);
    const [images] = builder.shape(this.#images);
    if (batch === undefined || images === undefined || !(batch === 1 || sameDim(batch, images)))
      fail(
        node,
        `it draws ${formatDims(drawnShape(node, builder))}, which is not a value of its own for each image: draw it in the shape of a batch, ` +
          'as torch.randn_like(x) does, or, where it was not meant, export after model.eval()',
      );
    const name = randomInputName(distribution, this.#count);
    this.#count += 1;
    return builder.input(name, [images, ...dims]);
  }
}

/** A shape that begins with 1 is drawn once for a batch: an image on its own gets a draw of its own. */
function drawnShape(node: Node, builder: GraphBuilder): readonly Dim[] {
  const shape = node.attributes.shape;
  if (shape?.kind === 'ints') return shape.value;
  return builder.shape(node.inputs[0] ?? fail(node, 'it says no shape'));
}

function affine(
  node: Node,
  builder: GraphBuilder,
  draws: string,
  { scale, shift }: { readonly scale: number; readonly shift: number },
): Node {
  const scaled = scale === 1 ? draws : builder.op('Mul', [draws, builder.constant(scale)]);
  return castTo(node, shift === 0 ? scaled : builder.op('Add', [scaled, builder.constant(shift)]));
}

/** The value in the type that the node gives. */
function castTo(node: Node, value: string): Node {
  const to = { kind: 'int', value: intOf(node, 'dtype', ELEMENT_CODES.float32) } as const;
  return { op: 'Cast', domain: '', name: node.name, inputs: [value], outputs: node.outputs, attributes: { to } };
}
