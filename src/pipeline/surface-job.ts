import { lossSurface } from '../analysis/loss-surface.ts';
import { surfaceResultSchema } from '../contracts/analysis.ts';
import { RunError } from '../contracts/errors.ts';
import { runKeys } from '../contracts/keys.ts';
import type { JobProgress } from './job-progress.ts';
import { imagesOf } from './shard-images.ts';
import type { Workbench } from './workbench.ts';

/** The loss of one variant on a plane through one image. */
export async function surfaceOf(
  bench: Workbench,
  { variant, image }: { readonly variant: string; readonly image: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { threat, seed, compute, analysis } = bench.plan.config;
  const points = analysis.lossSurface?.points ?? 0;
  const model = await bench.model(variant);
  const shard = bench.plan.shards.findIndex(({ first, count }) => image >= first && image < first + count);
  if (shard < 0) throw new RunError(`the plan has no image ${image}`);
  const { x, labels, images } = await imagesOf(bench, shard);
  const row = images.indexOf(image);
  const label = labels[row]!;
  const subject = { x: x.slice(row * model.imageSize, (row + 1) * model.imageSize), label, image };
  const surface = await lossSurface(model, subject, {
    threat,
    points,
    seed,
    batchSize: compute.batchSize,
    progress: (done) => progress({ fraction: done / points ** 2, evaluations: done }),
  });
  if (!surface.loss.flat().every(Number.isFinite))
    throw new RunError(`the loss of ${variant} around image ${image} is not finite: the model breaks down there`);
  const result = surfaceResultSchema.parse({ schema: 'igd.surface/1', variant, image, label, ...surface });
  await bench.runs.put(runKeys.surface(variant, image), `${JSON.stringify(result)}\n`);
}
