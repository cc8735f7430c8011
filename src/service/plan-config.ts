import { createHash } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import { requireSameInputs } from '../runs/parameter-sweep.ts';
import type { Plan } from '../runs/planning/plan.ts';
import { prepareRun } from '../runs/planning/prepare-run.ts';
import { type ImportedRanking, loadRanking } from '../runs/planning/rankings.ts';
import type { RunConfig } from '../schemas/config.ts';
import { namedInputs } from '../schemas/input-paths.ts';
import { canonicalJson } from '../schemas/json.ts';
import { rankingKey } from '../schemas/keys.ts';
import { type ParameterSweep, type ParameterSweepPlan, parseParameterSweep } from '../schemas/parameter-sweep.ts';
import { parseConfig } from '../schemas/parse-config.ts';
import type { ServiceContext } from './context.ts';

/** The plan of a part of a run, see `Part`, and the ranking that its config brings along. */
interface PlannedPart {
  readonly label: string;
  readonly plan: Plan;
  readonly ranking: ImportedRanking | undefined;
}

/** What a config stands for: a run, or the runs of a sweep as one. */
export interface PlannedConfig {
  /** The name of the run: that of the config, and what is planned. */
  readonly run: string;
  readonly parts: readonly [PlannedPart, ...PlannedPart[]];
  readonly sweep: ParameterSweepPlan | undefined;
}

/** Plans a config, which its user knows as `where`. Throws InputError where it, or an input, does not fit. */
export async function planConfig(ctx: ServiceContext, where: string, text: string): Promise<PlannedConfig> {
  const sweep = parseParameterSweep(text, where);
  if (sweep !== undefined) return planSweep(ctx, sweep);
  const part = await planPart(ctx, { label: '', config: parseConfig(text, where), source: JSON.parse(text) });
  return { run: `${part.plan.config.name}-${part.plan.id}`, parts: [part], sweep: undefined };
}

async function planSweep(ctx: ServiceContext, { name, key, runs }: ParameterSweep): Promise<PlannedConfig> {
  // One after the other: each holds its inputs in memory.
  const parts: PlannedPart[] = [];
  for (const run of runs) parts.push(await planPart(ctx, run));
  const [first, ...others] = parts;
  if (first === undefined) throw new ConfigError(`${name}: a sweep has a value at least`);
  // Planned anew then, by Lambda's next call.
  requireSameInputs(
    key,
    parts.map(({ plan }) => plan),
  );
  const identity = { key, runs: parts.map(({ label, plan }) => [label, plan.id]) };
  const id = createHash('sha256').update(canonicalJson(identity)).digest('hex').slice(0, first.plan.id.length);
  const sweep: ParameterSweepPlan = {
    schema: 'igd.sweep-plan/1',
    name,
    key,
    runs: runs.map(({ value, label }) => ({ value, folder: label })),
  };
  return { run: `${name}-${id}`, parts: [first, ...others], sweep };
}

async function planPart(
  ctx: ServiceContext,
  { label, config, source }: { readonly label: string; readonly config: RunConfig; readonly source: Plan['source'] },
): Promise<PlannedPart> {
  requireRemote(config);
  requireDevice(ctx, config);
  const { plan, imported: ranking } = await prepareRun(config, source, ctx.localise);
  // A degenerate ranking is refused before hours of attacks on it; one not computed yet is, by the job that ranks.
  for (const { method, digest, imported } of plan.rankings)
    if (!imported && (await ctx.rankings.has(rankingKey(digest))))
      await loadRanking({ plan, rankings: ctx.rankings }, method);
  return { label, plan, ranking };
}

/** Throws ConfigError where an input is a path: here, that is a file of nobody's. */
function requireRemote(config: RunConfig): void {
  const paths = namedInputs(config).filter(({ path }) => !path.startsWith('s3://'));
  if (paths.length === 0) return;
  const lines = paths.map(
    ({ keys, path }) =>
      `${keys.join('.')}: "${path}" is not in a bucket: upload it and give s3://..., as "igd submit" does`,
  );
  throw new ConfigError(lines.join('\n'));
}

/** Throws ConfigError where no image of the service computes with the device: each shard would find that out for itself. */
function requireDevice({ service: { gpuDevice } }: ServiceContext, { compute: { device } }: RunConfig): void {
  if (device === 'cpu' || device === gpuDevice) return;
  throw new ConfigError(
    `compute.device: this service computes on cpu and ${gpuDevice}, not on ${device}: give one of these, or deploy the ` +
      `stack with -c gpuDevice=${device}`,
  );
}
