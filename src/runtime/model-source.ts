import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { InferenceSession } from 'onnxruntime-node';
import { type SplitModel, splitModel } from '../onnx/codec/model.ts';
import type { Model } from '../onnx/graph.ts';

/**
 * Bytes of weights from which they are handed over in files. What onnxruntime is given in memory it copies, and holds all copies
 * until it has rearranged the last; files it maps, one weight at a time. Of a WideResNet-70-16 that saves 1.1 GB, of its
 * gradient 3 GB (docs/performance.md).
 */
const LEAST_IN_FILES = 2 ** 26;

/** A model as onnxruntime takes it. */
export interface ModelSource {
  /** The graph, or the path of an .onnx file. */
  readonly graph: Uint8Array | string;
  /** Where its large weights are. */
  readonly weights: Pick<InferenceSession.SessionOptions, 'externalData'> | { readonly folder: string };
  /** Removes the files; may be called again. */
  readonly discard: () => void;
}

/**
 * The model with its large weights beside it: in memory, or in files in the system's folder for such where they are large. Where
 * files cannot be written, for want of room say, it is memory all the same. Holds on to nothing of a model whose weights it has
 * written.
 */
export function modelSource(model: Model, leastInFiles = LEAST_IN_FILES): ModelSource {
  const split = splitModel(model);
  const bytes = split.weights.reduce((sum, { data }) => sum + data.length, 0);
  const folder = bytes < leastInFiles ? undefined : written(split);
  if (folder === undefined) return { graph: split.bytes, weights: { externalData: split.weights }, discard: () => {} };
  return { graph: split.bytes, weights: { folder }, discard: () => remove(folder) };
}

/** The folder with the weights; undefined where it could not be written. */
function written({ weights }: SplitModel): string | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'igd-weights-'));
    for (const { path, data } of weights) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), data);
    }
    return folder;
  } catch {
    if (folder !== undefined) remove(folder);
    return undefined;
  }
}

/** Windows removes no file that is mapped: what is left there goes when the session is released. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}

/**
 * Frees what nobody holds any longer. Weights lie outside V8's heap, which sees no hurry: without this the unfolded convolutions of a
 * checkpoint and the weights of a gradient that have been written are still there when onnxruntime needs the room.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
