import { basename } from 'node:path';
import { canonicalClassifier } from '../../src/models/from-onnx.ts';
import type { Model } from '../../src/onnx/graph.ts';
import { readOnnx } from '../../src/runs/inputs/onnx-file.ts';

/** An .onnx classifier as the command line reads it, in canonical form. */
export async function importOnnx(path: string): Promise<Model> {
  return canonicalClassifier(await readOnnx(path), basename(path));
}
