import { basename } from 'node:path';
import { locatedIn } from '../../checkpoints/messages.ts';
import { type Checkpoint, readCheckpoint } from '../../checkpoints/read-checkpoint.ts';
import { CheckpointError, ConfigError } from '../../errors.ts';
import { type Classifier, type ClassifierOptions, requireZooClasses } from '../../models/classifier.ts';
import { classifierFromCheckpoint, readableCheckpoint } from '../../models/from-checkpoint.ts';
import { classifierFromOnnx, readableOnnx } from '../../models/from-onnx.ts';
import type { Readable } from '../../models/readable.ts';
import type { Model } from '../../onnx/graph.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { UNDEFENDED } from '../../schemas/variants.ts';
import { type ZooFacts, zooClasses, zooEntry, zooFacts } from '../../schemas/zoo/zoo.ts';
import { readOnnx } from './onnx-file.ts';

/** A model file and how to read it. */
export interface ClassifierSpec extends Omit<ClassifierOptions, 'zoo'> {
  readonly path: string;
  /** The id of a model of the zoo, whose table says how the file is read. */
  readonly zoo?: string | undefined;
  /** The keys that lead to the state dict, for checkpoints that hold several. */
  readonly stateDict?: string | undefined;
}

/** The model of a config whose paths can be opened, for images of `imageShape`. */
export function classifierSpec(
  { checkpoint, model, layer, layerAxis }: RunConfig,
  imageShape: readonly [number, number, number],
): ClassifierSpec {
  return { ...checkpoint, path: checkpoint.uri, model, layer, layerAxis, imageShape };
}

/** How messages name the model of a variant. */
export function modelName({ checkpoint }: RunConfig, variant: string = UNDEFENDED.id): string {
  const file = basename(checkpoint.uri);
  return variant === UNDEFENDED.id ? file : `${file} as ${variant}`;
}

/**
 * Opens a checkpoint (.pt, .pth, .pth.tar, .safetensors) or an .onnx classifier, which needs no zoo to be read, only to be of its classes.
 * Throws CheckpointError, GraphError or ConfigError where it cannot be used.
 */
export function openClassifier(spec: ClassifierSpec): Promise<Classifier> {
  const onnx: FileReaders<Classifier>['onnx'] = (model, where, options) =>
    onnxOfZoo(classifierFromOnnx(model, where, options), spec.zoo, where);
  return openFile(spec, { onnx, checkpoint: classifierFromCheckpoint });
}

/** The same file for its BatchNorms to tell how it is to be read. Throws as `openClassifier` does. */
export function openReadable(spec: ClassifierSpec): Promise<Readable> {
  return openFile(spec, { onnx: readableOnnx, checkpoint: readableCheckpoint });
}

interface FileReaders<T> {
  onnx(model: Model, where: string, options: ClassifierOptions): T;
  checkpoint(checkpoint: Checkpoint, options: ClassifierOptions): T;
}

async function openFile<T>(
  { path, zoo, stateDict, ...options }: ClassifierSpec,
  { onnx, checkpoint }: FileReaders<T>,
): Promise<T> {
  if (path.endsWith('.onnx')) {
    requireOnnxNames({ zoo, stateDict }, basename(path));
    return onnx(await readOnnx(path), basename(path), options);
  }
  refuseOnnxOptions(options, basename(path));
  const facts = zoo === undefined ? undefined : zooFacts(zoo);
  const keys = stateDictOf(stateDict, facts);
  const file = await readCheckpoint(path, keys === undefined ? {} : { stateDict: keys });
  if (facts?.join !== undefined) requireAllNetworks(file, facts.join);
  return checkpoint(file, { ...options, zoo: facts });
}

/** Throws CheckpointError where a file lacks some of the networks that the zoo has in a file each. */
function requireAllNetworks({ path, state }: Checkpoint, join: string): void {
  const modules = join.match(/\S+(?==M\d)/g) ?? [];
  const names = [...state.keys()];
  const lacking = modules.filter((module) => !names.some((name) => name.startsWith(`${module}.`)));
  if (lacking.length === 0) return;
  throw new CheckpointError(
    `${path}: the zoo's model has a file for each of ${modules.join(', ')}, and this one has no weights of ${lacking.join(', ')}: ` +
      `put its files M0, M1, ... into one, igd join ${join} --out all.safetensors`,
  );
}

/** Throws ConfigError where user and zoo name two. */
function stateDictOf(stated: string | undefined, zoo: ZooFacts | undefined): string | undefined {
  if (stated !== undefined && zoo?.stateDict !== undefined && stated !== zoo.stateDict)
    throw new ConfigError(
      `stateDict is "${stated}", but the zoo's model is under "${zoo.stateDict}": leave one of them out`,
    );
  return stated ?? zoo?.stateDict;
}

/** Throws ConfigError where an .onnx is said to hold state dicts, or to be a model that the zoo does not have. */
export function requireOnnxNames({ zoo, stateDict }: Pick<ClassifierSpec, 'zoo' | 'stateDict'>, where: string): void {
  if (stateDict !== undefined) throw new ConfigError(`${where}: "stateDict" is for a checkpoint; leave it out`);
  if (zoo !== undefined) zooEntry(zoo);
}

/** An .onnx that has the classes of its model of the zoo. Throws CheckpointError where it has others. */
export function onnxOfZoo(classifier: Classifier, zoo: string | undefined, where: string): Classifier {
  if (zoo === undefined) return classifier;
  try {
    requireZooClasses(classifier.classes, zooClasses(zoo));
    return classifier;
  } catch (error) {
    throw locatedIn(where, error);
  }
}

/** What only a graph can leave open: a checkpoint's architecture says it. */
const ONNX_OPTIONS = ['output', 'imageSize', 'inputRange', 'layerAxis'] as const;

function refuseOnnxOptions(options: ClassifierOptions, where: string): void {
  const idle = options.layout === 'NHWC' ? 'layout' : ONNX_OPTIONS.find((name) => options[name] !== undefined);
  if (idle !== undefined) throw new ConfigError(`${where}: "${idle}" is for an .onnx; leave it out`);
}
