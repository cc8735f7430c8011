import { readCheckpoint } from '../checkpoints/index.ts';
import { ConfigError } from '../contracts/errors.ts';
import type { Classifier, ClassifierSpec } from './architecture.ts';
import { classifierFromCheckpoint } from './from-checkpoint.ts';
import type { MaskLayer } from './mask-layer.ts';
import { classifierFromOnnx } from './onnx-classifier.ts';

/**
 * Opens a checkpoint (.pt, .pth, .pth.tar, .safetensors) or an .onnx classifier.
 * Throws CheckpointError, GraphError or ConfigError where it cannot be used.
 */
export async function openClassifier(spec: ClassifierSpec): Promise<Classifier> {
  if (spec.path.endsWith('.onnx')) return classifierFromOnnx(spec);
  const { path, stateDict, imageShape } = spec;
  const checkpoint = await readCheckpoint(path, stateDict === undefined ? {} : { stateDict });
  return classifierFromCheckpoint(checkpoint, spec, imageShape);
}

/** The layer of that name. Throws ConfigError listing those there are. */
export function layerOf(classifier: Classifier, name: string): MaskLayer {
  const layer = classifier.layers.find((candidate) => candidate.name === name);
  if (layer !== undefined) return layer;
  const known = classifier.layers.map((candidate) => `${candidate.name} (${candidate.units} units)`);
  throw new ConfigError(
    `layer "${name}" is not in ${classifier.architecture}; its layers are ${known.join(', ') || 'none'}`,
  );
}
