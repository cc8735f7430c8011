import { createHash } from 'node:crypto';
import { InputError, RunError } from '../../errors.ts';
import {
  EVALUATION_PARTS,
  type EvaluationPart,
  type KeptEvaluation,
  keptEvaluationSchema,
} from '../../schemas/kept-evaluation.ts';
import { evaluationFileKey, evaluationKey, runKeys } from '../../schemas/keys.ts';
import { NUMERICS } from '../../schemas/numerics.ts';
import { encodeRecord, readRecord } from '../../schemas/parse-record.ts';
import type { Store } from '../../stores/store.ts';
import type { JobContext } from '../jobs/job-context.ts';
import type { Plan } from '../planning/plan.ts';
import { attacksOf, type EvaluationJob, evaluationAddress } from './evaluation-address.ts';

/** Bytes of an evaluation's files. */
export type EvaluationFiles = ReadonlyMap<EvaluationPart, Uint8Array>;

/** Where a run has the files that a job leaves. */
export function filesInRun({ kind, variant, shard }: EvaluationJob): ReadonlyMap<EvaluationPart, string> {
  if (kind === 'craft')
    return new Map([
      ['examples', runKeys.craftedExamples(variant, shard)],
      ['record', runKeys.crafted(variant, shard)],
    ]);
  return new Map([
    ['examples', runKeys.examples(variant, shard)],
    ['pictures', runKeys.pictures(variant, shard)],
    ['perturbations', runKeys.perturbations(variant, shard)],
    ['record', runKeys.evaluation(variant, shard)],
  ]);
}

/**
 * Keeps what a job has left in its run for other runs, byte for byte, where its context says so. A store that takes nothing more costs
 * other runs their time, and this one nothing.
 */
export async function keepForOthers(
  { plan, rankings: kept, keep }: JobContext,
  job: EvaluationJob,
  images: number,
  files: Readonly<Partial<Record<EvaluationPart, Uint8Array | string>>>,
): Promise<void> {
  if (!keep) return;
  await keepEvaluation(kept, { plan, job, images, files }).catch((error: unknown) => {
    if (!(error instanceof RunError || error instanceof InputError)) throw error;
  });
}

interface LeftByJob {
  readonly plan: Plan;
  readonly job: EvaluationJob;
  readonly images: number;
  readonly files: Readonly<Partial<Record<EvaluationPart, Uint8Array | string>>>;
}

async function keepEvaluation(kept: Store, { plan, job, images, files }: LeftByJob): Promise<void> {
  const address = evaluationAddress(plan, job);
  // One that is not whole is put right.
  if ((await readEvaluation(kept, address)) !== undefined) return;
  const written: KeptEvaluation['files'] = {};
  for (const part of EVALUATION_PARTS) {
    const content = files[part];
    if (content === undefined) continue;
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    written[part] = { sha256: digestOf(bytes), bytes: bytes.length };
    await kept.put(evaluationFileKey(address, part), bytes);
  }
  const attacks = attacksOf(plan, job).map(({ name }) => name);
  const { variant } = job;
  const entry: KeptEvaluation = { schema: 'igd.kept/1', numerics: NUMERICS, variant, images, attacks, files: written };
  await kept.put(evaluationKey(address), encodeRecord(keptEvaluationSchema.parse(entry)));
}

/**
 * The files of an evaluation; undefined where it is not kept, or not whole: what does not have the digest that was written down
 * is never taken. It is computed again then, and forgotten by those who may remove it: not everybody who reads a bucket may.
 */
export async function readEvaluation(kept: Store, address: string): Promise<EvaluationFiles | undefined> {
  const entry = await readRecord(kept, evaluationKey(address), keptEvaluationSchema).catch(() => undefined);
  if (entry === undefined) return undefined;
  const files = new Map<EvaluationPart, Uint8Array>();
  for (const part of EVALUATION_PARTS) {
    const expected = entry.files[part];
    if (expected === undefined) continue;
    const bytes = await kept.get(evaluationFileKey(address, part));
    if (bytes === undefined || digestOf(bytes) !== expected.sha256) {
      await kept.remove(evaluationKey(address)).catch((error: unknown) => {
        if (!(error instanceof RunError)) throw error;
      });
      return undefined;
    }
    files.set(part, bytes);
  }
  return files;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
