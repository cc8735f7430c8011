import { readFileSync, realpathSync, statSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { GraphError, messageOf } from '../../errors.ts';
import type { ExternalData } from '../../onnx/codec/values.ts';
import type { Model } from '../../onnx/graph.ts';

/** Node reads no more into one buffer, and protobuf allows no more in one message. */
const LARGEST_FILE_BYTES = 2 ** 31 - 1;

/** What makes one file of a model and its weights, which it has to be in a bucket. */
export const AS_ONE_FILE = "onnx.save_model(onnx.load('model.onnx'), 'whole.onnx')";

/** Reads an `.onnx` file as it is, with the weights it keeps in files beside it. Throws GraphError. */
export async function readOnnx(path: string): Promise<Model> {
  const bytes = await readModelFile(path);
  const where = basename(path);
  const { decodeModel } = await import('../../onnx/codec/model.ts');
  return decodeModel(bytes, where, externalData(await realpath(dirname(path)), where));
}

/** The key under which the wire names a file of weights: a model without the word has none, and need not be decoded to know. */
const LOCATION = 'location';

/** Files that an `.onnx` keeps its weights in, as it names them, sorted. Throws GraphError. */
export async function externalLocations(path: string): Promise<string[]> {
  const bytes = await readModelFile(path);
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(LOCATION)) return [];
  const where = basename(path);
  const read = externalData(await realpath(dirname(path)), where);
  const locations = new Set<string>();
  const { decodeModel } = await import('../../onnx/codec/model.ts');
  decodeModel(bytes, where, (location) => {
    locations.add(location);
    return read(location);
  });
  return [...locations].sort();
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
    // The exporter wrote it beside the model, and people copy the model alone.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new GraphError(
        `${what}, which holds weights, is not there: put it beside the .onnx, under that name; or, as it has to be in a bucket, save both as one file: ${AS_ONE_FILE}`,
        {
          cause,
        },
      );
    }
    throw new GraphError(`${what} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
