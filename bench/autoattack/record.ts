import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { BenchJob, SideResult } from './sides.ts';

const recordSchema = z.object({
  runs: z.array(
    z.object({
      kind: z.string(),
      count: z.int(),
      attacks: z.array(z.looseObject({ attack: z.string().optional() })),
      broken_by: z.array(z.string().nullable()),
      clean_prediction: z.array(z.int()),
      label: z.array(z.int()),
    }),
  ),
});

/** What the original did on the same model and images, as it was written down. Throws where the record has no such run. */
export async function readRecord(path: string, kind: string, { count, attacks }: BenchJob): Promise<SideResult> {
  const { runs } = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  const run = runs.find((each) => each.kind === kind && each.count >= count && each.attacks.length === attacks.length);
  if (run === undefined)
    throw new Error(`${path} has no run of "${kind}" on ${count} images under ${attacks.join(', ')}`);
  const brokenBy = run.broken_by
    .slice(0, count)
    .map((attack, image) => (run.clean_prediction[image] === run.label[image] ? attack : 'clean'));
  return { brokenBy, attacks: [] };
}
