import { runKeys } from '../schemas/keys.ts';
import { parseRecord } from '../schemas/parse-record.ts';
import { type ModelProof, modelProofSchema } from '../schemas/proof.ts';
import { type Testimony, testimonySchema } from '../schemas/testimony.ts';
import type { Store } from '../stores/store.ts';
import type { JobContext } from './jobs/job-context.ts';
import type { Plan } from './planning/plan.ts';

/** Keeps what the proof of a variant's model found, as whoever evaluated it first found it. */
export async function keepProof(context: JobContext, variant: string): Promise<void> {
  const proof = context.proofOf(variant);
  if (proof !== undefined) await context.runs.putNew(runKeys.proof(variant), `${JSON.stringify(proof)}\n`);
}

/** By variant; runs before 0.2 have none. */
export async function proofsOf({ config }: Plan, runs: Store): Promise<Map<string, ModelProof>> {
  const proofs = new Map<string, ModelProof>();
  for (const { id } of config.variants) {
    const key = runKeys.proof(id);
    const bytes = await runs.get(key);
    if (bytes !== undefined) proofs.set(id, parseRecord(modelProofSchema, bytes, key));
  }
  return proofs;
}

/** Runs of the first edition have none. */
export async function testimonyOf(runs: Store): Promise<Testimony | undefined> {
  const bytes = await runs.get(runKeys.testimony);
  return bytes && parseRecord(testimonySchema, bytes, runKeys.testimony);
}
