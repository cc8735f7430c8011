import type { z } from 'zod';
import { extremesOf, type VariantPerturbations } from '../report/summary/perturbations.ts';
import { runKeys } from '../schemas/keys.ts';
import { parseRecord } from '../schemas/parse-record.ts';
import { type Picture, perturbationsSchema, picturesSchema } from '../schemas/perturbations.ts';
import type { ShardResult } from '../schemas/results.ts';
import type { Store } from '../stores/store.ts';
import type { Plan } from './planning/plan.ts';
import { readAll } from './results.ts';

/**
 * What shards measured of their examples, by variant; without those of which a shard has not, as of runs before 0.2, or has
 * it of other images than its result. Pictures are read of the shards that have one to show alone.
 */
export async function perturbationsOf(
  { config }: { readonly config: Pick<Plan['config'], 'variants' | 'threat'> },
  runs: Store,
  shards: readonly number[],
  results: readonly ShardResult[],
): Promise<ReadonlyMap<string, VariantPerturbations>> {
  const found = new Map<string, VariantPerturbations>();
  for (const { id } of config.variants) {
    const read = await readAll(shards, (shard) =>
      readBeside(runs, runKeys.evaluation(id, shard), runKeys.perturbations(id, shard), perturbationsSchema),
    );
    const records = read.flatMap((record, place) =>
      record === undefined ? [] : [{ ...record, shard: shards[place]! }],
    );
    const images = records.flatMap((record) => record.images).sort((a, b) => a.image - b.image);
    if (records.length < shards.length || !isOfBroken(images, results, id)) continue;
    const { least, most } = extremesOf(images, config.threat.epsilon);
    const shown = new Set([...least, ...most].map(({ image }) => image));
    const of = records.filter((record) => record.images.some(({ image }) => shown.has(image)));
    const drawn = await readAll(of, ({ shard }) =>
      readBeside(runs, runKeys.evaluation(id, shard), runKeys.pictures(id, shard), picturesSchema),
    );
    const pictures = drawn.flatMap((record): readonly Picture[] => record?.pictures ?? []);
    found.set(id, { images, pictures: pictures.filter(({ image }) => shown.has(image)) });
  }
  return found;
}

/** What a shard left beside its result, and makes anew with it; undefined where there is none. Throws RunError where it cannot be read. */
async function readBeside<T>(runs: Store, result: string, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await runs.get(key);
  const again = `delete it and ${result} and run again`;
  return bytes && parseRecord(schema, bytes, key, { other: again, damaged: again });
}

/** Whether they are of exactly the images that the variant's results call broken. */
function isOfBroken(
  images: readonly { readonly image: number }[],
  results: readonly ShardResult[],
  variant: string,
): boolean {
  const broken = results
    .filter((result) => result.variant === variant)
    .flatMap((result) => result.images.flatMap(({ image, brokenBy }) => (brokenBy === null ? [] : [image])));
  const known = new Set(images.map(({ image }) => image));
  return broken.length === images.length && broken.every((image) => known.has(image));
}
