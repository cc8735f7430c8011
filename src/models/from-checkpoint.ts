import { locatedIn } from '../checkpoints/messages.ts';
import { modulesBelow } from '../checkpoints/module-info.ts';
import type { Checkpoint } from '../checkpoints/read-checkpoint.ts';
import { CheckpointError, ConfigError, GraphError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { isBatch } from '../onnx/graph.ts';
import { canonicalise } from '../onnx/passes/canonicalise.ts';
import type { ZooFacts } from '../schemas/zoo/zoo.ts';
import { ARCHITECTURES } from './architectures/table.ts';
import { appendBinaryLogits, BINARY_NOTES, ONE_OUTPUT, SEVERAL_OUTPUTS, withoutSigmoid } from './binary.ts';
import {
  appendInput,
  type Classifier,
  type ClassifierOptions,
  GREY_IMAGES,
  IMAGE_INPUT,
  type ImageShape,
  requireZooClasses,
  withOnlyOutput,
} from './classifier.ts';
import { type NormalizationsInFile, normalizationIn } from './file-normalization.ts';
import { requireKnownModules } from './known-modules.ts';
import { type LocatedNetwork, locateNetwork } from './locate.ts';
import { evidenceOf } from './module-evidence.ts';
import { type Architecture, type Body, NetworkBuilder } from './network-builder.ts';
import { chooseNormalization, type InputNormalization, type NormalizationClaims } from './normalization.ts';
import type { Readable } from './readable.ts';
import { Reading } from './reading.ts';
import { requireAllUsed, withWayOut } from './unused-weights.ts';

/**
 * Builds the classifier a checkpoint holds. `imageShape` is that of the data set; the architecture's own by default.
 * Throws CheckpointError where no architecture recognises it, where a weight is missing, misshapen, not finite or of no use to
 * the architecture, and ConfigError where an option does not go with it.
 */
export function classifierFromCheckpoint(checkpoint: Checkpoint, options: ClassifierOptions = {}): Classifier {
  return locating(checkpoint, () => {
    const located = recognise(checkpoint, wantedArchitecture(options));
    try {
      return build(located, checkpoint, options);
    } catch (error) {
      const grey = ofOtherChannels(located, checkpoint, options);
      if (grey === undefined) throw error;
      return grey;
    }
  });
}

/**
 * The network of grey images, where no data say what it is of; undefined where the weights do not fit those either. Throws where they
 * fit images of other channels than the data's: the data are at fault.
 */
function ofOtherChannels(
  located: LocatedNetwork,
  checkpoint: Checkpoint,
  options: ClassifierOptions,
): Classifier | undefined {
  const [usual, height, width] = usualImageShape(located);
  const given = options.imageShape?.[0];
  for (const channels of new Set([usual, 1])) {
    if (channels === (given ?? usual)) continue;
    let fitting: Classifier;
    try {
      fitting = build(located, checkpoint, { ...options, imageShape: [channels, height, width] });
    } catch {
      continue;
    }
    if (given === undefined) return fitting;
    throw new CheckpointError(`wants images [N, ${channels}, H, W], and is given [N, ${given}, H, W]: ${GREY_IMAGES}`);
  }
  return undefined;
}

/** The network of a checkpoint for its BatchNorms to tell how it is to be read. Throws as `classifierFromCheckpoint` does. */
export function readableCheckpoint(checkpoint: Checkpoint, options: ClassifierOptions = {}): Readable {
  const located = locating(checkpoint, () => recognise(checkpoint, wantedArchitecture(options)));
  return {
    options,
    read: ({ model, normalize }) =>
      locating(checkpoint, () => {
        const { graph, network, body } = unfolded(located, checkpoint, { ...options, model, normalize });
        return { model: graph.build([body.logits], located.architecture.name), reading: network.reading.facts() };
      }),
  };
}

/** Errors of what `work` does with a checkpoint name its file. */
function locating<T>(checkpoint: Checkpoint, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof CheckpointError || error instanceof GraphError ? locatedIn(checkpoint.path, error) : error;
  }
}

/** The network of a checkpoint before its BatchNorms are folded away: what its running statistics can be compared with. */
interface UnfoldedNetwork {
  readonly graph: GraphBuilder;
  readonly network: NetworkBuilder;
  readonly body: Body;
  readonly notes: readonly string[];
}

function build(located: LocatedNetwork, checkpoint: Checkpoint, options: ClassifierOptions): Classifier {
  const { architecture } = located;
  const imageShape = options.imageShape ?? usualImageShape(located);
  const { graph, network, body, notes } = unfolded(located, checkpoint, options);
  const { description, layers } = body;
  const logits = plainLogits(graph, body.logits, options);
  const outputs = [logits, ...layers.map(({ tensor }) => tensor)];
  const classes = classesOf(graph, logits);
  requireZooClasses(classes, options.zoo?.classes);
  const binary = options.binary === undefined ? [] : [BINARY_NOTES[options.binary]];
  if (options.binary !== undefined) network.reading.note('binary', options.binary, 'stated');
  return {
    architecture: description,
    model: withOnlyOutput(canonicalise(graph.build(outputs, architecture.name)), logits),
    input: IMAGE_INPUT,
    logits,
    imageShape,
    classes,
    isBinary: options.binary !== undefined,
    layers,
    notes: [...checkpoint.notes, ...notes, ...binary, ...otherSize(description, options.zoo)],
    reading: network.reading.facts(),
  };
}

function unfolded(
  located: LocatedNetwork,
  { state, modules = [], aside = [] }: Checkpoint,
  options: ClassifierOptions,
): UnfoldedNetwork {
  const { architecture, prefix } = located;
  const imageShape = options.imageShape ?? usualImageShape(located);
  const [channels] = imageShape;
  const graph = new GraphBuilder();
  const ownModules = withoutSigmoid(modulesBelow(modules, prefix), options.binary);
  const reading = new Reading({
    stated: options.model,
    zoo: options.zoo?.model,
    file: evidenceOf(ownModules, located.state.keys()),
    usual: architecture.usual?.(located.state),
    decided: ['architecture'],
  });
  const claims = { stated: options.normalize, zoo: options.zoo?.normalize, channels, aside };
  const members = architecture.members?.(located.state).map((member) => prefix + member);
  const inFile = () => normalizationIn({ state, modules: ownModules, prefix, channels, members });
  const { normalization, names } = preparation(architecture, inFile, reading, claims);
  const x = appendInput(graph, imageShape, { normalization, layout: options.layout });
  const network = new NetworkBuilder(graph, located.state, { reading, modules: ownModules });
  const body = builtBody(architecture, network, x);
  const used = new Set([...network.used].map((name) => prefix + name));
  for (const name of names) used.add(name);
  reading.requireAllAsked(body.description);
  requireKnownModules({ modules: ownModules, state, prefix, normalization: names, pools: network.pools });
  const notes = requireAllUsed({
    used,
    all: state,
    prefix,
    isOfZoo: options.zoo !== undefined,
    architecture: body.description,
  });
  return {
    graph,
    network,
    body,
    notes: prefix === '' ? notes : [`weights are those under "${prefix.slice(0, -1)}"`, ...notes],
  };
}

/** What is done to the images, and the names of the tensors in the file that say so. */
function preparation(
  { name, preparesImages, normalization: usual = 'none' }: Architecture,
  inFile: () => NormalizationsInFile,
  reading: Reading,
  claims: Pick<NormalizationClaims, 'stated' | 'zoo' | 'channels' | 'aside'>,
): { normalization: InputNormalization; names: readonly string[] } {
  if (!preparesImages) {
    const { own: file, doubtful } = inFile();
    const aside = [...(claims.aside ?? []), ...doubtful];
    const normalization = chooseNormalization(reading, { ...claims, file, usual, aside });
    // What is doubtful is accounted for once the user has said what acts.
    return { normalization, names: file?.names ?? doubtful };
  }
  if (claims.stated === undefined) return { normalization: 'none', names: [] };
  throw new ConfigError(`${name} normalises the images itself, for each of its networks: leave mean and std out`);
}

function usualImageShape({ architecture, state }: LocatedNetwork): ImageShape {
  return architecture.imageShapeOf?.(state) ?? architecture.imageShape;
}

/** What does not fit together is the checkpoint's doing, not the graph's: its error names the architecture. */
function builtBody(architecture: Architecture, network: NetworkBuilder, x: string): Body {
  try {
    return architecture.build(network, x);
  } catch (error) {
    const isMisfit = error instanceof GraphError;
    if (!isMisfit && !(error instanceof CheckpointError)) throw error;
    const what = isMisfit ? `does not fit ${architecture.name}: ${error.message}` : error.message;
    throw new CheckpointError(withWayOut(what), { cause: error });
  }
}

/** The logits [N, classes]: of one output, as is stated. A sigmoid behind the network has no weights, and is not in the graph. */
function plainLogits(graph: GraphBuilder, output: string, { binary }: ClassifierOptions): string {
  const outputs = classesOf(graph, output);
  if (outputs > 1 && binary !== undefined) throw new CheckpointError(`has ${outputs} outputs, and ${SEVERAL_OUTPUTS}`);
  if (outputs > 1) return output;
  if (binary === undefined) throw new CheckpointError(`has ${ONE_OUTPUT}`);
  return appendBinaryLogits(graph, output);
}

function classesOf(graph: GraphBuilder, logits: string): number {
  const dim = graph.shape(logits)[1];
  if (dim === undefined || isBatch(dim)) throw new CheckpointError(`"${logits}" has no classes`);
  return dim;
}

/** What the zoo's table says of one file would be said of another: its words give a ResNet's size, as igd's do. */
function otherSize(description: string, { architecture = '', networks = 1 }: Partial<ZooFacts> = {}): string[] {
  const [own, its] = [description, architecture].map((words) => /\b(\w*ResNet)-(\d+(?:-\d+)?)/.exec(words));
  if (networks > 1 || own?.[1] !== its?.[1] || own?.[2] === its?.[2]) return [];
  return [`the zoo's model is a ${its?.[0]}: is this its file?`];
}

/** Throws ConfigError where user and zoo name two. */
function wantedArchitecture({ model, zoo }: ClassifierOptions): string | undefined {
  const [stated, known] = [model?.architecture, zoo?.model.architecture];
  if (stated !== undefined && known !== undefined && stated !== known)
    throw new ConfigError(
      `model.architecture is "${stated}", but the zoo's model is a ${known}: leave one of them out`,
    );
  return stated ?? known;
}

function recognise({ state }: Checkpoint, wanted: string | undefined): LocatedNetwork {
  const known = ARCHITECTURES.map(({ name }) => name);
  if (wanted !== undefined && !known.includes(wanted))
    throw new ConfigError(`model.architecture: "${wanted}" is none of ${known.join(', ')}`);
  const candidates = ARCHITECTURES.filter(({ name }) => wanted === undefined || name === wanted);
  const located = locateNetwork(state, candidates);
  if (located !== undefined) return located;
  const found = [...state].slice(0, 4).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
  const refusal =
    wanted === undefined ? 'no known architecture has these weights' : `these are not the weights of ${wanted}`;
  throw new CheckpointError(
    withWayOut(`${refusal} (${state.size} tensors: ${found.join('; ')}; ...). Known: ${known.join(', ')}`),
  );
}
