import { TransientError } from '../errors.ts';
import { type Job, jobLabel, type Plan, type RunJob, stageJobs } from '../runs/planning/plan.ts';
import { runKeys } from '../schemas/keys.ts';
import { type ParameterSweepPlan, parameterSweepPlanSchema } from '../schemas/parameter-sweep.ts';
import { readRecord } from '../schemas/parse-record.ts';
import type { StageName } from '../schemas/service.ts';
import { type Store, within } from '../stores/store.ts';

/**
 * A run on the service is one run of a config, or the runs of a parameter sweep, which share its stages: the jobs of a stage are those
 * of all its parts, one part after the other, and positions count over all of them.
 */
export interface Part {
  /** The part's folder in the run's, that of a local sweep: "importantUnits=25"; '' where the run is no sweep. */
  readonly label: string;
  readonly plan: Plan;
  /** The part's own files. */
  readonly files: Store;
}

/** At least one. Of what no swept key changes (device, limit of cost, numerics, stages) the first tells for all. */
export type Parts = readonly [Part, ...Part[]];

/** A run's parts, and of a sweep what it is. */
export interface RunParts {
  readonly parts: Parts;
  readonly sweep: ParameterSweepPlan | undefined;
}

/**
 * The parts that a run consists of, whatever became of their plans. Where what says so cannot be read, the run as a whole: people are to be
 * told of its end all the same.
 */
export async function partLabels(files: Store): Promise<readonly string[]> {
  const sweep = await readRecord(files, runKeys.sweepPlan, parameterSweepPlanSchema).catch((error: unknown) => {
    if (error instanceof TransientError) throw error;
    return undefined;
  });
  return sweep?.runs.map(({ folder }) => folder) ?? [''];
}

/** Where a part's files are under its run's prefix. */
export function folderOf(label: string): string {
  return label === '' ? '' : `${label}/`;
}

/** Makes a plan of what lies under a key; its errors say what to do. */
type DecodePlan = (bytes: Uint8Array, key: string) => Plan;

/** The parts of the run in `files`; undefined where there is no plan of it, or of one of them. */
export async function readParts(files: Store, decode: DecodePlan): Promise<RunParts | undefined> {
  const single = await readPart(files, '', decode);
  if (single !== undefined) return { parts: [single], sweep: undefined };
  const sweep = await readRecord(files, runKeys.sweepPlan, parameterSweepPlanSchema);
  const read = (sweep?.runs ?? []).map(({ folder }) => readPart(files, folder, decode));
  const [first, ...others] = await Promise.all(read);
  const known = others.filter((part) => part !== undefined);
  return first === undefined || known.length < others.length ? undefined : { parts: [first, ...known], sweep };
}

async function readPart(run: Store, label: string, decode: DecodePlan): Promise<Part | undefined> {
  const files = label === '' ? run : within(run, folderOf(label));
  const bytes = await files.get(runKeys.plan);
  return bytes && { label, files, plan: decode(bytes, `${folderOf(label)}${runKeys.plan}`) };
}

/** A job of a stage, and whose it is. */
export interface PartJob {
  readonly part: Part;
  readonly job: RunJob;
}

/** The jobs of a stage, of all parts: what positions count. */
export function jobsOf(parts: Parts, stage: StageName): PartJob[] {
  return parts.flatMap((part) => stageJobs(part.plan, stage).map((job) => ({ part, job })));
}

/** "temperature=2 conf@0.8 shard 3" */
export function partJobLabel({ part, job }: { readonly part: Pick<Part, 'label'>; readonly job: Job }): string {
  return part.label === '' ? jobLabel(job) : `${part.label} ${jobLabel(job)}`;
}
