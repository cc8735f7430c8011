import { GraphError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { type Dim, formatDims, type Graph, isBatch, type Model, type Node } from '../onnx/graph.ts';
import { canonicalise } from '../onnx/passes/canonicalise.ts';
import {
  appendInput,
  type Classifier,
  type ClassifierOptions,
  IMAGE_INPUT,
  type ImageShape,
  type InputPreparation,
  type MaskLayer,
  maskLayer,
  withOnlyOutput,
} from './classifier.ts';
import { chooseNormalization } from './normalization.ts';
import { Reading } from './reading.ts';

/** Ops whose values are worth offering as layers: what comes after an activation or a pooling. */
const OFFERED = new Set([
  'Relu',
  'LeakyRelu',
  'Gelu',
  'HardSwish',
  'Sigmoid',
  'Tanh',
  'GlobalAveragePool',
  'AveragePool',
  'MaxPool',
  'Flatten',
]);

/**
 * A user's own ONNX classifier, with normalisation and layout in front of it. The layer is named by tensor or by node; `where`
 * names the file in errors. Throws GraphError where it is no classifier of images, or has no such layer.
 */
export function classifierFromOnnx(
  original: Model,
  where: string,
  { layer, imageShape, ...input }: ClassifierOptions,
): Classifier {
  const tensor = layer === undefined ? undefined : layerTensor(original.graph, layer, where);
  const body = canonicalClassifier(original, where, tensor);
  const logits = body.graph.outputs[0]!.name;
  const shape = imageShape ?? imageShapeOf(body.graph, input.layout ?? 'NCHW', where);
  const reading = new Reading({ stated: input.model });
  const claims = { stated: input.normalize, file: undefined, usual: 'none', channels: shape[0] } as const;
  const preparation = { normalization: chooseNormalization(reading, claims), layout: input.layout };
  reading.requireAllAsked('an .onnx, which tells all the rest,');
  const model = canonicalise(behindInput(body, shape, preparation, where));
  const builder = GraphBuilder.from(model.graph);
  return {
    architecture: `ONNX graph "${original.graph.name}", ${model.graph.nodes.length} nodes`,
    model: withOnlyOutput(model, logits),
    input: IMAGE_INPUT,
    logits,
    imageShape: shape,
    classes: classesOf(builder.shape(logits), where),
    layers:
      tensor === undefined
        ? offeredLayers(model.graph, builder, logits)
        : [maskLayer(layer ?? tensor, tensor, builder.shape(tensor))],
    notes: [],
    reading: reading.facts(),
  };
}

/**
 * A graph in canonical form, as a classifier of one input, the images, and one output, their logits; `layer` is a tensor
 * that is to survive as a second output. Nothing is chosen silently: of several outputs, none. Throws GraphError, one line
 * that says what is wrong, where, and what to do.
 */
export function canonicalClassifier(original: Model, where: string, layer?: string): Model {
  try {
    requireOneOfEach(original.graph);
    const model = canonicalise(withLayerOutput(original, layer));
    requireFloatImages(model.graph);
    return model;
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new GraphError(`${where}: ${cause.message}`, { cause });
  }
}

function requireOneOfEach({ inputs, outputs }: Graph): void {
  if (inputs.length === 1 && outputs.length === 1) return;
  const list = (infos: Graph['inputs']) =>
    infos.map(({ name, dims }) => (dims === undefined ? `"${name}"` : `"${name}" ${formatDims(dims)}`)).join(', ') ||
    'none';
  throw new GraphError(
    `inputs ${list(inputs)} and outputs ${list(outputs)} are not one of each: export the model with its images and its logits alone`,
  );
}

function requireFloatImages({ inputs, outputs }: Graph): void {
  const [input, output] = [inputs[0]!, outputs[0]!];
  if (input.type !== 'float32') throw new GraphError(`input "${input.name}" is ${input.type}, and images are float32`);
  if (output.type !== 'float32' || output.dims?.length !== 2 || typeof output.dims[1] !== 'number') {
    throw new GraphError(
      `output "${output.name}" is ${output.type} ${formatDims(output.dims ?? [])}, and logits are float32 [N, classes]`,
    );
  }
}

/** The tensor of that name, or the first output of the node of that name. */
function layerTensor({ nodes }: Graph, layer: string, where: string): string {
  const byTensor = nodes.find(({ outputs }) => outputs.includes(layer));
  const tensor = byTensor === undefined ? nodes.find(({ name }) => name === layer)?.outputs[0] : layer;
  if (tensor !== undefined) return tensor;
  throw new GraphError(
    `${where} has no tensor or node named "${layer}"; "igd inspect ${where}" lists the layers there are`,
  );
}

/** The layer is an output while passes rewrite the graph, so that none of them folds its value away. */
function withLayerOutput(model: Model, tensor: string | undefined): Model {
  const { graph } = model;
  if (tensor === undefined || tensor === graph.outputs[0]?.name) return model;
  const outputs = [...graph.outputs, { name: tensor, type: 'float32', dims: undefined } as const];
  return { ...model, graph: { ...graph, outputs } };
}

/** The model reading what `appendInput` makes of the images. */
function behindInput(model: Model, shape: ImageShape, input: InputPreparation, where: string): Model {
  const { graph } = model;
  const original = graph.inputs[0]!;
  const builder = new GraphBuilder();
  builder.reserve([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const prepared = appendInput(builder, shape, input);
  requireShape(builder.shape(prepared), original.dims, where);
  const rename = (name: string) => (name === original.name ? prepared : name === IMAGE_INPUT ? `${name}.inner` : name);
  for (const [name, tensor] of graph.initializers) builder.initializer(rename(name), tensor);
  for (const node of graph.nodes)
    builder.append({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) });
  return builder.build(
    graph.outputs.map(({ name }) => rename(name)),
    graph.name,
  );
}

function requireShape(given: readonly Dim[], wanted: readonly (Dim | undefined)[] | undefined, where: string): void {
  const fits =
    wanted === undefined ||
    (wanted.length === given.length &&
      wanted.every((dim, axis) => dim === undefined || isBatch(dim) || dim === given[axis]));
  if (fits) return;
  throw new GraphError(
    `${where} wants images ${formatDims(wanted)}, the data gives ${formatDims(given)}: is "layout" right?`,
  );
}

function imageShapeOf({ inputs }: Graph, layout: 'NCHW' | 'NHWC', where: string): ImageShape {
  const [, a, b, c] = inputs[0]?.dims ?? [];
  if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number') {
    throw new GraphError(
      `${where} has input ${formatDims(inputs[0]?.dims ?? [])}: expected images of a fixed size, [N, C, H, W]`,
    );
  }
  return layout === 'NHWC' ? [c, a, b] : [a, b, c];
}

function classesOf(dims: readonly Dim[], where: string): number {
  const [batch, classes, ...rest] = dims;
  if (rest.length > 0 || batch === undefined || !isBatch(batch) || typeof classes !== 'number') {
    throw new GraphError(`${where} gives ${formatDims(dims)}: expected logits [N, classes]`);
  }
  return classes;
}

function offeredLayers({ nodes }: Graph, builder: GraphBuilder, logits: string): MaskLayer[] {
  const offered = (node: Node) => OFFERED.has(node.op) && node.outputs[0] !== logits;
  return nodes.filter(offered).flatMap(({ outputs: [tensor = ''] }) => {
    const dims = builder.shape(tensor);
    return dims.length >= 2 && dims.length <= 4 && dims.slice(1).every((dim) => !isBatch(dim))
      ? [maskLayer(tensor, tensor, dims)]
      : [];
  });
}
