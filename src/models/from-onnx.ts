import { ConfigError, GraphError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { formatDims, type Graph, type Model, type Node } from '../onnx/graph.ts';
import { type CanonicalOptions, canonicalise } from '../onnx/passes/canonicalise.ts';
import { otherFloats } from '../onnx/passes/float32.ts';
import { randomInputs } from '../onnx/random-inputs.ts';
import { knownDims } from '../onnx/shapes/infer.ts';
import {
  appendInput,
  type Classifier,
  type ClassifierOptions,
  IMAGE_INPUT,
  type ImageShape,
  type InputPreparation,
  withOnlyOutput,
} from './classifier.ts';
import { chooseNormalization } from './normalization.ts';
import type { PlainLogits } from './onnx/binary.ts';
import {
  imageShapeOf,
  requireFloatImages,
  requireOneInput,
  requireShape,
  withFloatImages,
  withImageSize,
} from './onnx/images.ts';
import { moduleOutput, namedLayer, offeredLayers } from './onnx/layers.ts';
import { withOneOutput, withPlainLogits } from './onnx/logits.ts';
import type { Readable } from './readable.ts';
import { Reading } from './reading.ts';

/**
 * A user's own ONNX classifier, with normalisation and layout in front of it. The layer is named by tensor, node or module;
 * `where` names the file in errors. Throws GraphError where it is no classifier of images, or has no such layer.
 */
export function classifierFromOnnx(original: Model, where: string, options: ClassifierOptions): Classifier {
  const { layer, layerAxis } = options;
  if (layerAxis !== undefined && layer === undefined)
    throw new ConfigError('layerAxis is of a layer, and none is named');
  const tensor = layer === undefined ? undefined : layerTensor(original, layer, where, options);
  const { model: body, notes: logitsNotes } = readClassifier(original, where, { ...options, layer: tensor });
  const logits = body.graph.outputs[0]!.name;
  const shape = located(where, () => imageShapeOf(body.graph, options));
  const reading = new Reading({ stated: options.model });
  const preparation = preparationOf(options, shape, reading);
  if (options.binary !== undefined) reading.note('binary', options.binary, 'stated');
  reading.requireAllAsked('an .onnx, which tells all the rest,');
  const model = canonicalise(located(where, () => behindInput(body, where, shape, preparation)));
  const { layers, notes } =
    tensor === undefined
      ? offeredLayers(model.graph, logits, nameIn(original.graph))
      : located(where, () => namedLayer(layer ?? tensor, tensor, model.graph, layerAxis));
  return {
    architecture: `ONNX graph "${original.graph.name}", ${model.graph.nodes.length} nodes`,
    model: withOnlyOutput(model, logits),
    input: IMAGE_INPUT,
    logits,
    imageShape: shape,
    classes: Number(body.graph.outputs[0]!.dims?.[1]),
    isBinary: options.binary !== undefined,
    layers,
    notes: [...readingNotes(original.graph, body.graph), ...logitsNotes, ...notes],
    reading: reading.facts(),
  };
}

/** The same graph, BatchNorms that the exporter has left in it included, behind whatever is said to be done to its images. */
export function readableOnnx(original: Model, where: string, options: ClassifierOptions): Readable {
  const body = canonicalClassifier(original, where, { ...options, layer: undefined }, { keepNorms: true });
  const shape = located(where, () => imageShapeOf(body.graph, options));
  return {
    options,
    read({ model, normalize, inputRange }) {
      const reading = new Reading({ stated: model });
      const preparation = preparationOf({ ...options, model, normalize, inputRange }, shape, reading);
      reading.requireAllAsked('an .onnx, which tells all the rest,');
      return {
        model: located(where, () => behindInput(body, where, shape, preparation)),
        reading: reading.facts(),
      };
    },
  };
}

/**
 * A graph in canonical form, as a classifier of one input, the images, and one output, their logits; `layer` is a tensor
 * that is to survive as a second output. Nothing is chosen silently: of several outputs, none. Throws GraphError, one line
 * that says what is wrong, where, and what to do.
 */
export function canonicalClassifier(
  original: Model,
  where: string,
  options: ClassifierOptions = {},
  form: CanonicalOptions = {},
): Model {
  return readClassifier(original, where, options, form).model;
}

/** The same, and what is to be known of its logits. */
function readClassifier(
  original: Model,
  where: string,
  options: ClassifierOptions,
  form: CanonicalOptions = {},
): PlainLogits {
  return located(where, () => {
    requireOneInput(original.graph);
    const graph = withFloatImages(withImageSize(withOneOutput(original.graph, options.output), options), options);
    const model = canonicalise(withLayerOutput({ ...original, graph }, options.layer), form);
    requireFloatImages(model.graph);
    return withPlainLogits(model, options.binary);
  });
}

/** What `read` gives; its GraphErrors say which file they are about. */
function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new GraphError(`${where}: ${cause.message}`, { cause });
  }
}

/** Throws ConfigError where images are to be scaled twice. */
function preparationOf(
  { normalize, inputRange, layout, model }: ClassifierOptions,
  [channels]: ImageShape,
  reading: Reading,
): InputPreparation {
  if (inputRange !== '0..255') {
    const claims = { stated: normalize, file: undefined, usual: 'none', channels } as const;
    return { normalization: chooseNormalization(reading, claims), layout };
  }
  if (normalize !== undefined || model?.normalization !== undefined)
    throw new ConfigError('a normalisation and inputRange "0..255" are two ways to scale an image: give one of them');
  reading.note('normalization', 'times 255', 'stated');
  return { normalization: 'times-255', layout };
}

/** What was taken for granted. */
function readingNotes(original: Graph, body: Graph): string[] {
  const input = original.inputs[0]!;
  const open = input.dims === undefined || input.dims.includes(undefined);
  return [
    ...(open ? [`the size of its images is open, and read as ${formatDims(body.inputs[0]?.dims ?? [])}`] : []),
    ...otherFloats(original).map((type) => `what it computes in ${type} is computed in float32`),
    ...drawNotes(original, body),
    ...(input.type === 'uint8' ? ['its uint8 images are fed 0..255 as float32, not rounded'] : []),
  ];
}

/** A model exported in training mode by mistake draws as well: said, for whoever did not mean it. */
function drawNotes({ nodes }: Graph, body: Graph): string[] {
  const draws = randomInputs(body).length;
  if (draws === 0) return [];
  const drawing = nodes.filter(({ op }) => /^Random|^Bernoulli$|^Dropout$/.test(op));
  const ops = new Set(drawing.map(({ op }) => op));
  return [
    `it draws random numbers (${[...ops].join(', ')}), of its own for each image: attack it with suite "rand"; where that is not ` +
      'meant, export it after model.eval()',
    ...seedNotes(drawing),
  ];
}

/** Exporters hand on seeds that a framework gave its ops, whoever meant them or not: two of one seed are said, not refused. */
function seedNotes(drawing: readonly Node[]): string[] {
  // A float, of Dropout an int.
  const seeds = drawing.flatMap(({ op, attributes: { seed } }) =>
    seed?.kind === 'float' || seed?.kind === 'int' ? [`${op} ${seed.value}`] : [],
  );
  if (seeds.length === 0) return [];
  const unused =
    'the seeds of its nodes are not used: what is drawn goes by the seed of the run, the image and the node';
  const isShared = new Set(seeds).size < seeds.length;
  return [
    isShared ? `${unused}; onnxruntime gives nodes of one op and seed the same numbers, here each has its own` : unused,
  ];
}

/** The tensor of that name, the first output of the node of that name, or what the module of that path hands on. */
function layerTensor(original: Model, layer: string, where: string, options: ClassifierOptions): string {
  const { nodes } = original.graph;
  const byTensor = nodes.find(({ outputs }) => outputs.includes(layer));
  const named =
    byTensor === undefined ? nodes.filter(({ name }) => name === layer).map(({ outputs }) => outputs[0]!) : [layer];
  if (named.length > 1)
    throw new GraphError(
      `${where} has ${named.length} nodes named "${layer}": name the tensor, one of ${named.join(', ')}`,
    );
  if (named[0] !== undefined) return named[0];
  const body = canonicalClassifier(original, where, { ...options, layer: undefined });
  const output = located(where, () => moduleOutput(body.graph, layer));
  if (output !== undefined && nodes.some(({ outputs }) => outputs.includes(output))) return output;
  throw new GraphError(
    `${where} has no tensor, node or module named "${layer}"; "igd inspect ${where}" lists the layers there are`,
  );
}

/** Whether a name is that of a tensor or node. */
function nameIn({ nodes }: Graph): (name: string) => boolean {
  const names = new Set(nodes.flatMap(({ name, outputs }) => [name, ...outputs]));
  return (name) => names.has(name);
}

/** The layer is an output while passes rewrite the graph, so that none of them folds its value away. */
function withLayerOutput(model: Model, tensor: string | undefined): Model {
  const { graph } = model;
  if (tensor === undefined || tensor === graph.outputs[0]?.name) return model;
  const outputs = [...graph.outputs, { name: tensor, type: 'float32', dims: undefined } as const];
  return { ...model, graph: { ...graph, outputs } };
}

/** The model reading what `appendInput` makes of the images; its graph has the name of the file, for messages. */
function behindInput(model: Model, where: string, shape: ImageShape, preparation: InputPreparation): Model {
  const { graph } = model;
  const original = graph.inputs[0]!;
  const builder = new GraphBuilder();
  builder.reserve([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const prepared = appendInput(builder, shape, preparation);
  for (const input of graph.inputs.slice(1)) builder.input(input.name, knownDims(input), input.type);
  requireShape(builder.shape(prepared), original.dims);
  const rename = (name: string) => (name === original.name ? prepared : name === IMAGE_INPUT ? `${name}.inner` : name);
  for (const [name, tensor] of graph.initializers) builder.initializer(rename(name), tensor);
  for (const node of graph.nodes)
    builder.append({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) });
  return builder.build(
    graph.outputs.map(({ name }) => rename(name)),
    where,
  );
}
