import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { digestOf } from '../../datasets/digest.ts';
import { isOnnx } from '../../schemas/input-paths.ts';
import { rememberedDigest } from '../../stores/file-digest.ts';
import { externalLocations } from './onnx-file.ts';

/**
 * Content identity of a model's file: its SHA-256, as sha256sum prints it; of an .onnx that keeps weights in files beside it, a digest of
 * all of them, for other weights are another model. Throws GraphError, DatasetError.
 */
export async function modelDigest(path: string): Promise<string> {
  const own = await digestOf(path);
  const locations = isOnnx(path) ? await locationsOf(path) : [];
  if (locations.length === 0) return own;
  const hash = createHash('sha256').update(`${own}\n`);
  for (const location of locations) hash.update(`${await digestOf(join(dirname(path), location))} ${location}\n`);
  return hash.digest('hex');
}

/** Asked of a file once: it is decoded for it, with all its weights. No path has a NUL. */
async function locationsOf(path: string): Promise<string[]> {
  const asked = async () => (await externalLocations(path)).join('\0');
  const locations = await rememberedDigest(`${path}\0locations`, path, asked);
  return locations.split('\0').filter((location) => location !== '');
}
