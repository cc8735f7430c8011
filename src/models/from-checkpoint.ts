import { locatedIn } from '../checkpoints/messages.ts';
import type { Checkpoint } from '../checkpoints/read-checkpoint.ts';
import { CheckpointError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { isBatch } from '../onnx/graph.ts';
import { canonicalise } from '../onnx/passes/canonicalise.ts';
import type { InputOptions } from '../schemas/config.ts';
import { appendInput, type Classifier, IMAGE_INPUT, type ImageShape, withOnlyOutput } from './classifier.ts';
import { type Architecture, NetworkBuilder } from './network-builder.ts';
import { cifarResNet, imageNetResNet, preActResNet, wideResNet } from './residual-networks.ts';

/** Tried in order; the first that recognises the names of the weights builds the graph. */
const ARCHITECTURES: readonly Architecture[] = [cifarResNet, preActResNet, wideResNet, imageNetResNet];

/**
 * Builds the classifier a checkpoint holds. `imageShape` is that of the data set; the architecture's own by default.
 * Throws CheckpointError where no architecture recognises it or a weight is missing, misshapen or not finite.
 */
export function classifierFromCheckpoint(
  checkpoint: Checkpoint,
  options: Partial<InputOptions> = {},
  imageShape?: ImageShape,
): Classifier {
  const architecture = recognise(checkpoint);
  try {
    return build(architecture, checkpoint, options, imageShape ?? architecture.imageShape);
  } catch (error) {
    throw error instanceof CheckpointError ? locatedIn(checkpoint.path, error) : error;
  }
}

function build(
  architecture: Architecture,
  checkpoint: Checkpoint,
  options: Partial<InputOptions>,
  imageShape: ImageShape,
): Classifier {
  const graph = new GraphBuilder();
  const normalize = options.normalize ?? architecture.normalize;
  const x = appendInput(graph, imageShape, { ...options, normalize });
  const { description, logits, layers } = architecture.build(new NetworkBuilder(graph, checkpoint.state), x);
  const outputs = [logits, ...layers.map(({ tensor }) => tensor)];
  return {
    architecture: description,
    model: withOnlyOutput(canonicalise(graph.build(outputs, architecture.name)), logits),
    input: IMAGE_INPUT,
    logits,
    imageShape,
    classes: classesOf(graph, logits),
    layers,
    notes: checkpoint.notes,
  };
}

function classesOf(graph: GraphBuilder, logits: string): number {
  const dim = graph.shape(logits)[1];
  if (dim === undefined || isBatch(dim)) throw new CheckpointError(`"${logits}" has no classes`);
  return dim;
}

function recognise(checkpoint: Checkpoint): Architecture {
  const architecture = ARCHITECTURES.find((candidate) => candidate.recognises(checkpoint.state));
  if (architecture !== undefined) return architecture;
  const found = [...checkpoint.state].slice(0, 4).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
  throw new CheckpointError(
    `${checkpoint.path}: no known architecture has these weights (${checkpoint.state.size} tensors: ${found.join('; ')}; ...). ` +
      `Known: ${ARCHITECTURES.map(({ name }) => name).join(', ')}. Export the model to .onnx and give that instead`,
  );
}
