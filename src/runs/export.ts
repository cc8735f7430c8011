import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NO_PREDICTION } from '../attacks/core/predictions.ts';
import { openDataset } from '../datasets/open.ts';
import { RunError } from '../errors.ts';
import { encodeNpy, npyHeader } from '../numeric/npy.ts';
import { int64 } from '../numeric/tensor.ts';
import type { ImageOutcome } from '../schemas/results.ts';
import { writeError } from '../stores/disk-error.ts';
import { makeFolder, removeFolders } from '../stores/make-folder.ts';
import type { Store } from '../stores/store.ts';
import { testSpec } from './inputs/inspect-inputs.ts';
import { variantOf } from './jobs/job-context.ts';
import type { Plan } from './planning/plan.ts';
import { examplesOf, imagesOf, shardResult } from './results.ts';
import { requireSameInputs } from './verify.ts';

const UNFINISHED = '.unfinished';

export interface Exported {
  readonly images: number;
  /** Rows that differ from the clean image. */
  readonly adversarial: number;
}

export interface ExportOptions {
  /** With paths that can be opened. */
  readonly plan: Plan;
  readonly runs: Store;
  /** Made where it is not there. */
  readonly folder: string;
  readonly variants: readonly string[];
  readonly progress: (done: number, total: number) => void;
}

/**
 * Writes what an evaluation left as arrays for other programs, for each variant in a folder of its own, rows in the data
 * set's order: `x_adv.npy` [N, C, H, W] float32, the adversarial example of a broken image and the clean one of any other, as
 * AutoAttack returns them; `labels.npy` and `predictions.npy` [N] int64, the latter what the variant says of x_adv, -1 where that
 * is nothing. One shard is in memory at a time. Throws where inputs are not those of the run, or results are missing.
 */
export async function exportExamples(options: ExportOptions): Promise<Map<string, Exported>> {
  const { plan, variants, folder, progress } = options;
  for (const id of variants) variantOf(plan, id);
  await requireSameInputs({ plan });
  const test = openDataset(testSpec(plan.config));
  const context = { plan, test: () => test };
  const exported = new Map<string, Exported>();
  for (const [index, id] of variants.entries()) {
    const count = (shard: number) => progress(index * plan.shards.length + shard, variants.length * plan.shards.length);
    exported.set(id, await exportVariant(options, context, id, join(folder, id), count));
  }
  return exported;
}

type ImageContext = Parameters<typeof imagesOf>[0];

async function exportVariant(
  { plan, runs }: ExportOptions,
  context: ImageContext,
  id: string,
  folder: string,
  progress: (shard: number) => void,
): Promise<Exported> {
  const outcomes: ImageOutcome[] = [];
  const images = plan.inputs.test.images;
  await writeFiles(folder, async (file) => {
    const x = await file('x_adv.npy');
    await x(npyHeader('float32', [images, ...plan.inputs.imageShape]));
    for (const shard of plan.shards.keys()) {
      outcomes.push(...(await shardResult(runs, id, shard)).images);
      await x(bytesOf(await adversarialImages(context, runs, id, shard)));
      progress(shard + 1);
    }
    const column = async (name: string, value: (outcome: ImageOutcome) => number) =>
      (await file(name))(encodeNpy(int64([images], outcomes.map(value))));
    await column('labels.npy', ({ label }) => label);
    const predictionOf = ({ adversarialPrediction, cleanPrediction }: ImageOutcome) =>
      adversarialPrediction ?? cleanPrediction ?? NO_PREDICTION;
    await column('predictions.npy', predictionOf);
  });
  return { images, adversarial: outcomes.filter(({ brokenBy }) => brokenBy !== null).length };
}

/** [n, C, H, W] of a shard's images. Throws RunError where the stored examples are not about them. */
async function adversarialImages(context: ImageContext, runs: Store, id: string, shard: number): Promise<Float32Array> {
  const { x, images } = await imagesOf(context, shard);
  const size = x.length / images.length;
  for (const example of await examplesOf(runs, id, shard)) {
    const row = images.indexOf(example.outcome.image);
    if (row < 0) throw new RunError(`shard ${shard} of ${id} has no image ${example.outcome.image}: run again`);
    x.set(example.x, row * size);
  }
  return x;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

type Append = (bytes: Uint8Array) => Promise<void>;

/** Gives files to append to in a folder; they get their names once all are written, and are gone where that fails, as is a folder made for them. */
async function writeFiles(folder: string, write: (file: (name: string) => Promise<Append>) => Promise<void>) {
  const files = new Map<string, FileHandle>();
  const file = async (name: string): Promise<Append> => {
    const handle = await orWriteError(folder, open(join(folder, name + UNFINISHED), 'w'));
    files.set(name, handle);
    // Unlike `write`, it goes on until all bytes are written; it begins where the last one ended.
    return (bytes) => orWriteError(folder, handle.writeFile(bytes));
  };
  const made = await makeFolder(folder);
  try {
    await write(file);
    for (const handle of files.values()) await orWriteError(folder, handle.close());
    for (const name of files.keys())
      await orWriteError(folder, rename(join(folder, name + UNFINISHED), join(folder, name)));
  } catch (error) {
    await Promise.allSettled([...files.values()].map((handle) => handle.close()));
    for (const name of files.keys()) await rm(join(folder, name + UNFINISHED), { force: true });
    await removeFolders(made);
    throw error;
  }
}

/** What the file system refuses is no fault of the program. */
async function orWriteError<T>(folder: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw writeError(folder, cause);
  });
}
