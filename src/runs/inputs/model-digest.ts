import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { digestOf } from '../../datasets/digest.ts';
import { isOnnx } from '../../schemas/input-paths.ts';
import { externalLocations } from './onnx-file.ts';

/**
 * Content identity of a model's file: its SHA-256, as sha256sum prints it; of an .onnx that keeps weights in files beside it, a digest of
 * all of them, for other weights are another model. Throws GraphError, DatasetError.
 */
export async function modelDigest(path: string): Promise<string> {
  const own = await digestOf(path);
  const locations = isOnnx(path) ? await externalLocations(path) : [];
  if (locations.length === 0) return own;
  const hash = createHash('sha256').update(`${own}\n`);
  for (const location of locations) hash.update(`${await digestOf(join(dirname(path), location))} ${location}\n`);
  return hash.digest('hex');
}
