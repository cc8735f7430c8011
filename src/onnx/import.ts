import { readFileSync, realpathSync, statSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { GraphError, messageOf } from '../contracts/errors.ts';
import { decodeModel } from './codec.ts';
import type { ExternalData } from './codec-tensors.ts';
import { formatDims, type Graph, type Model } from './graph.ts';
import { canonicalise } from './passes/canonicalise.ts';

/** Node reads no more into one buffer, and protobuf allows no more in one message. */
const LARGEST_FILE_BYTES = 2 ** 31 - 1;

/** Reads an `.onnx` file as it is, with the weights it keeps in files beside it. Throws GraphError. */
export async function readOnnx(path: string): Promise<Model> {
  const bytes = await readModelFile(path);
  const where = basename(path);
  return decodeModel(bytes, where, externalData(await realpath(dirname(path)), where));
}

/**
 * Reads an image classifier from an `.onnx` file in the canonical form: one input, the images, and one output, their
 * logits. Throws GraphError, one line that says what is wrong, where, and what to do.
 */
export async function importOnnx(path: string): Promise<Model> {
  const original = await readOnnx(path);
  try {
    const model = canonicalise(original);
    checkClassifier(model.graph);
    return model;
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new GraphError(`${basename(path)}: ${cause.message}`, { cause });
  }
}

async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE_BYTES) {
      throw new GraphError(`${path} has ${size} bytes, more than a model file can: keep its weights as external data`);
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof GraphError) throw cause;
    throw new GraphError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * The files of a model's weights, each read once. A location comes from the file, so it may be hostile: only what really
 * lies in the model's folder is read, wherever links point.
 */
function externalData(folder: string, where: string): ExternalData {
  const files = new Map<string, Uint8Array>();
  return (location) => {
    const bytes =
      files.get(location) ?? readInside(folder, location, `${where}: external data ${JSON.stringify(location)}`);
    files.set(location, bytes);
    return bytes;
  };
}

function readInside(folder: string, location: string, what: string): Uint8Array {
  if (location === '' || isAbsolute(location) || location.split(/[\\/]/).includes('..')) {
    throw new GraphError(`${what} is no relative path inside the model's folder`);
  }
  try {
    const file = realpathSync(join(folder, location));
    if (!file.startsWith(folder + sep)) {
      throw new GraphError(`${what} lies outside the model's folder`);
    }
    const { size } = statSync(file);
    if (size > LARGEST_FILE_BYTES) throw new GraphError(`${what} has ${size} bytes, too many to read`);
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof GraphError) throw cause;
    throw new GraphError(`${what} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function checkClassifier({ inputs, outputs }: Graph): void {
  const [[input, ...moreInputs], [output, ...moreOutputs]] = [inputs, outputs];
  if (input === undefined || output === undefined || moreInputs.length > 0 || moreOutputs.length > 0) {
    const names = (infos: Graph['inputs']) => infos.map(({ name }) => `"${name}"`).join(', ') || 'none';
    throw new GraphError(
      `inputs ${names(inputs)} and outputs ${names(outputs)} are not one of each: export the model with its images and its logits alone`,
    );
  }
  if (input.type !== 'float32') throw new GraphError(`input "${input.name}" is ${input.type}, and images are float32`);
  if (output.type !== 'float32' || output.dims?.length !== 2 || typeof output.dims[1] !== 'number') {
    throw new GraphError(
      `output "${output.name}" is ${output.type} ${formatDims(output.dims ?? [])}, and logits are float32 [N, classes]`,
    );
  }
}
