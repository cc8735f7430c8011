import { InputError } from '../errors.ts';
import { decodePlan, encodePlan, type Plan } from '../runs/planning/plan.ts';
import { rankingKey, runKeys } from '../schemas/keys.ts';
import { encodeRecord } from '../schemas/parse-record.ts';
import { type Claim, serviceKeys } from '../schemas/service.ts';
import { answerUpload, sha256, uploadOrder } from './answers.ts';
import type { ServiceContext } from './context.ts';
import { type Firing, markScheduled } from './history/schedules.ts';
import { tellOfFiring } from './history/tell.ts';
import { folderOf } from './parts.ts';
import { type PlannedConfig, planConfig } from './plan-config.ts';
import { reconcileRun } from './reconcile.ts';
import { rejectConfig } from './reject-config.ts';
import { claimAttempt, findRun, indexedRun, isExpired } from './run-index.ts';
import { newestJobDefinition } from './submit-target.ts';

export type Submitted =
  | { readonly kind: 'started'; readonly run: string }
  /** The same config with the same inputs was submitted before: nothing was started. */
  | { readonly kind: 'exists'; readonly run: string }
  | { readonly kind: 'rejected'; readonly problems: readonly string[] };

/** Where a config comes from. */
interface Submission {
  /** What its user knows it as, for messages: `configs/NAME.json` where nothing else is said. */
  readonly where?: string;
  /** Of the upload, see `uploadOrder`. */
  readonly order?: string;
  /** Of the schedule: to its history is added what becomes of it, and that nothing was started. */
  readonly firing?: Firing | undefined;
}

/**
 * Starts the run of a config that was uploaded as `name`, and answers. What is wrong with the config or its inputs is the answer
 * and is told; nothing starts then. The plan is written before the claim, and says the same whoever writes it: whatever is
 * claimed can be gone on with by anybody. Throws RunError where AWS refuses.
 */
export async function submitConfig(
  ctx: ServiceContext,
  name: string,
  text: string,
  { where = serviceKeys.config(name), order = uploadOrder(ctx.now()), firing }: Submission = {},
): Promise<Submitted> {
  const planned = await planConfig(ctx, where, text).catch((error: unknown) => {
    if (error instanceof InputError) return problemsOf(error);
    throw error;
  });
  if (Array.isArray(planned)) return rejectConfig(ctx, { name, text, order, firing }, planned);
  const { run, parts } = planned;
  await writePlans(ctx, planned);
  const at = ctx.now().toISOString();
  const started = await claimRun(ctx, run, parts[0].plan, { config: name, at });
  if (firing !== undefined) await markScheduled(ctx, run, firing);
  await answerUpload(ctx.runs, name, order, { schema: 'igd.accepted/1', sha256: sha256(text), run, started, at });
  // Where it was claimed before, whoever claimed it may have got no further.
  await reconcileRun(ctx, run);
  if (firing !== undefined && !started) await tellOfFiring(ctx, firing, await indexedRun(ctx, run));
  return { kind: started ? 'started' : 'exists', run };
}

/** Of a sweep what it consists of is written last: with it, its plans are there. */
async function writePlans(ctx: ServiceContext, { run, parts, sweep }: PlannedConfig): Promise<void> {
  const prefix = serviceKeys.run(run);
  for (const { label, plan, ranking } of parts) {
    if (ranking !== undefined) await ctx.rankings.put(rankingKey(ranking.digest), ranking.file);
    await writePlan(ctx, `${prefix}${folderOf(label)}${runKeys.plan}`, plan);
  }
  if (sweep !== undefined) await ctx.runs.put(`${prefix}${runKeys.sweepPlan}`, encodeRecord(sweep));
}

/** In place of none, or of one that this version of igd cannot read: whatever it is written in, the run's name says what it plans. */
async function writePlan({ runs }: ServiceContext, key: string, plan: Plan): Promise<void> {
  if (await runs.putNew(key, encodePlan(plan))) return;
  const there = await runs.get(key);
  if (there === undefined || !isPlan(there)) await runs.put(key, encodePlan(plan));
}

function isPlan(bytes: Uint8Array): boolean {
  try {
    return decodePlan(bytes, 'plan').id !== '';
  } catch {
    return false;
  }
}

/** Starts a run that there was not, or whose files have expired; false where there is one. */
async function claimRun(
  ctx: ServiceContext,
  run: string,
  plan: Plan,
  claimed: Pick<Claim, 'config' | 'at'>,
): Promise<boolean> {
  const known = await findRun(ctx, run);
  if (known !== undefined && !(await isExpired(ctx, known))) return false;
  const jobDefinition = await newestJobDefinition(ctx, plan);
  return claimAttempt(ctx, run, (known?.attempt ?? 0) + 1, { schema: 'igd.claim/1', ...claimed, jobDefinition });
}

/** A line each; the first may only say which file the others are about. */
function problemsOf({ message }: InputError): string[] {
  const lines = message.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !(lines.length > 1 && line.endsWith(':')));
}
