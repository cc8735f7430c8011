import { basename } from 'node:path';
import type { Dataset } from '../../datasets/dataset.ts';
import { openDataset } from '../../datasets/open.ts';
import { testimonyImages } from '../../evaluation/testimony/images.ts';
import { testify } from '../../evaluation/testimony/testify.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import type { RunConfig } from '../../schemas/config.ts';
import type { Testimony } from '../../schemas/testimony.ts';
import { probeSpec, testSpec } from './inspect-inputs.ts';
import { type ClassifierSpec, classifierSpec, openReadable } from './open-classifier.ts';

/**
 * What the BatchNorms of a config's model say of how it is read, on images of the probe set, as the model was trained on the like, else
 * of the test set. The config's paths can be opened. Throws ModelError where they contradict it.
 */
export async function testifyModel(config: RunConfig, runtime: Runtime): Promise<Testimony> {
  const data = await openDataset(probeSpec(config) ?? testSpec(config));
  return testifyOn(classifierSpec(config, data.imageShape), data, runtime);
}

/** The same of a model by itself, on the first images of the data at hand. */
export async function testifyOn(spec: ClassifierSpec, data: Dataset, runtime: Runtime): Promise<Testimony> {
  const readable = await openReadable(spec);
  return testify(readable, { name: basename(spec.path), images: await testimonyImages(data), runtime });
}
