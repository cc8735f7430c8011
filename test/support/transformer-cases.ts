import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readCheckpoint } from '../../src/checkpoints/read-checkpoint.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../src/models/from-checkpoint.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import type { Tensor } from '../../src/numeric/tensor.ts';
import { type ModelOptions, modelOptionsSchema } from '../../src/schemas/model-options.ts';

export const TRANSFORMER_FIXTURES = join(import.meta.dirname, '../fixtures/transformers');

/** What make_transformers.py says of each network: its file, the size of its images, and what its weights do not tell. */
export const TRANSFORMER_CASES = z
  .record(z.string(), z.object({ file: z.string(), size: z.int(), options: modelOptionsSchema }))
  .parse(JSON.parse(readFileSync(join(TRANSFORMER_FIXTURES, 'cases.json'), 'utf8')));

/** Two images of the same formula as in make_transformers.py. */
export function transformerImages(size: number): Float32Array {
  return Float32Array.from({ length: 2 * 3 * size * size }, (_, i) => ((i * 7919) % 251) / 250);
}

export const LABELS = Int32Array.from([0, 1]);

export function transformerTruth(name: string): Float32Array {
  return decodeNpy(readFileSync(join(TRANSFORMER_FIXTURES, `${name}.npy`)), name).data as Float32Array;
}

export interface Changes {
  readonly model?: ModelOptions;
  readonly size?: number;
  /** Tensors in place of those of the file, or beside them; `undefined` for one that is missing. */
  readonly tensors?: Readonly<Record<string, Tensor | undefined>>;
  /** Modules, as a file that was pickled whole names them: path, class, attributes. */
  readonly modules?: readonly [string, string, Readonly<Record<string, number | string | boolean>>][];
}

export async function transformerOf(
  name: string,
  { model = {}, size, tensors = {}, modules = [] }: Changes = {},
): Promise<Classifier> {
  const { file, size: usual, options } = TRANSFORMER_CASES[name]!;
  const checkpoint = await readCheckpoint(join(TRANSFORMER_FIXTURES, file));
  const changed = new Map<string, Tensor | undefined>([...checkpoint.state, ...Object.entries(tensors)]);
  const state = new Map(
    [...changed].flatMap(([key, tensor]) => (tensor === undefined ? [] : [[key, tensor] as const])),
  );
  const normalization = state.has('normalize.mean') ? undefined : ('none' as const);
  return classifierFromCheckpoint(
    {
      ...checkpoint,
      state,
      modules: modules.map(([path, className, attributes]) => ({
        path,
        className,
        attributes: new Map(Object.entries(attributes)),
      })),
    },
    { model: { normalization, ...options, ...model }, imageShape: [3, size ?? usual, size ?? usual] },
  );
}
