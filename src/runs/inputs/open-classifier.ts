import { basename } from 'node:path';
import { readCheckpoint } from '../../checkpoints/read-checkpoint.ts';
import type { Classifier, ClassifierOptions } from '../../models/classifier.ts';
import { classifierFromCheckpoint } from '../../models/from-checkpoint.ts';
import { classifierFromOnnx } from '../../models/from-onnx.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { readOnnx } from './onnx-file.ts';

/** A model file and how to read it. */
export interface ClassifierSpec extends ClassifierOptions {
  readonly path: string;
  /** The keys that lead to the state dict, for checkpoints that hold several. */
  readonly stateDict?: string | undefined;
}

/** The model of a config whose paths can be opened, for images of `imageShape`. */
export function classifierSpec(
  { checkpoint, model, layer }: RunConfig,
  imageShape: readonly [number, number, number],
): ClassifierSpec {
  return { ...checkpoint, path: checkpoint.uri, model, layer, imageShape };
}

/**
 * Opens a checkpoint (.pt, .pth, .pth.tar, .safetensors) or an .onnx classifier.
 * Throws CheckpointError, GraphError or ConfigError where it cannot be used.
 */
export async function openClassifier({ path, stateDict, ...options }: ClassifierSpec): Promise<Classifier> {
  if (path.endsWith('.onnx')) return classifierFromOnnx(await readOnnx(path), basename(path), options);
  const checkpoint = await readCheckpoint(path, stateDict === undefined ? {} : { stateDict });
  return classifierFromCheckpoint(checkpoint, options);
}
