import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { durationOf, parallelismFor } from '../../runs/planning/duration.ts';
import {
  type Estimate,
  estimateWork,
  expectedAssumptions,
  WORST_CASE,
  type WorkAssumptions,
} from '../../runs/planning/estimate.ts';
import type { Plan } from '../../runs/planning/plan.ts';
import { withPlanned } from '../../runs/planning/planned-store.ts';
import { prepareRun } from '../../runs/planning/prepare-run.ts';
import { type Workload, workloadOf } from '../../runs/planning/workload.ts';
import { DEVICES, type Device } from '../../schemas/config.ts';
import { type ParameterSweep, parseParameterSweep } from '../../schemas/parameter-sweep.ts';
import { FileStore } from '../../stores/folder-store.ts';
import type { Store } from '../../stores/store.ts';
import { calibrateTogether } from '../../workers/calibration.ts';
import { workerCount } from '../../workers/worker-count.ts';
import { configOf, rankingsFolder, requireDevice } from '../execution-context.ts';
import { refuseIdle } from '../idle-flags.ts';
import { finiteNumber, notNegative, positiveInteger } from '../numbers.ts';
import { cores } from '../options.ts';
import { planText, type TimedEstimate } from '../plan-text.ts';
import { print, readConfigJson } from '../storage-location.ts';
import { type SweepEstimate, sweepEstimate, sweepPlanText } from '../sweep-plan-text.ts';

interface PlanFlags {
  readonly workers?: number;
  readonly rankings: string;
  readonly device?: Device;
  readonly holdOut: number;
  readonly pricePerHour?: number;
  readonly calibrateSeconds: number;
  readonly json?: true;
}

/** Half: between an undefended model, which APGD-CE breaks whole, and the best of RobustBench, where three quarters hold. */
const HOLD_OUT = 0.5;
const CALIBRATE_SECONDS = 5;

export function define(command: Command): void {
  command
    .argument('<config>', 'run config (.json, .jsonc, .yaml); of a parameter sweep, run by run and together')
    .option('--workers <n>', 'worker threads of the run (default: one a core)', positiveInteger)
    .addOption(new Option('--device <device>', "what computes, instead of the config's").choices(DEVICES))
    .option('--rankings <dir>', 'folder where rankings are kept for every run', rankingsFolder())
    .option(
      '--hold-out <share>',
      'of the correctly classified images, expected to survive a first attack',
      share,
      HOLD_OUT,
    )
    .option('--price-per-hour <amount>', 'of this machine, for the cost', notNegative)
    .option('--calibrate-seconds <n>', 'to time the models for; 0 leaves the time out', notNegative, CALIBRATE_SECONDS)
    .option('--json', 'print JSON')
    .action(plan);
}

async function plan(path: string, flags: PlanFlags): Promise<void> {
  refuseIdle(flags, [
    {
      flags: ['pricePerHour'],
      when: flags.calibrateSeconds === 0,
      why: 'needs the time, which --calibrate-seconds 0 leaves out',
    },
  ]);
  const text = await readConfigJson(path);
  const sweep = parseParameterSweep(text, path);
  const store = new FileStore(resolve(flags.rankings));
  if (sweep !== undefined) return planSweep(sweep, store, flags);
  const config = configOf(text, path, flags.device);
  const { estimate } = await planRun(config, store, flags);
  print(flags.json === true ? JSON.stringify(estimate, null, 2) : planText(config.config.name, estimate));
}

/** What the runs before it have done, each run of a sweep takes. */
async function planSweep({ name, key, runs }: ParameterSweep, store: Store, flags: PlanFlags): Promise<void> {
  const plans: Plan[] = [];
  const estimates: SweepEstimate['runs'][number][] = [];
  for (const { value, label, source } of runs) {
    const config = configOf(JSON.stringify(source), label, flags.device);
    const { plan, estimate } = await planRun(config, withPlanned(store, plans), flags);
    plans.push(plan);
    estimates.push({ value, folder: label, estimate });
  }
  const planned = sweepEstimate({ name, key }, estimates);
  print(flags.json === true ? JSON.stringify(planned, null, 2) : sweepPlanText(planned));
}

async function planRun(
  { config, source }: ReturnType<typeof configOf>,
  store: Store,
  flags: PlanFlags,
): Promise<{ readonly plan: Plan; readonly estimate: TimedEstimate }> {
  await requireDevice(config.compute.device, flags.workers);
  const { plan, local } = await prepareRun(config, source);
  // A run does the same before its first worker starts.
  const opened = performance.now() / 1000;
  const load = await workloadOf(plan, local, store);
  return { plan, estimate: await estimated(plan, load, flags, opened) };
}

async function estimated(plan: Plan, load: Workload, flags: PlanFlags, opened: number): Promise<TimedEstimate> {
  const { holdOut, calibrateSeconds, pricePerHour } = flags;
  const jobs = load.shards.length * load.variants.length;
  const { workers, limit = null } = workerCount(plan, cores(), flags.workers);
  const parallelism = parallelismFor(jobs, { workers, cores: cores() });
  const memory = workers < jobs ? limit : null;
  const schema = 'igd.estimate/1';
  // Without a trial nothing is known of how many images are classified correctly.
  if (calibrateSeconds === 0)
    return {
      schema,
      ...estimateWork(load, { correct: 1, holdOut }),
      hands: parallelism,
      memory,
      time: null,
      cost: null,
    };
  const tail = load.rankings.find(({ tails }) => tails > 0)?.layer ?? null;
  const rates = await calibrateTogether(plan, parallelism, { seconds: calibrateSeconds, holdOut, tail });
  const assumption: WorkAssumptions = { correct: rates.correct, holdOut };
  const seconds = {
    expected: opened + durationOf(load, rates, expectedAssumptions(assumption), parallelism),
    most: opened + durationOf(load, rates, WORST_CASE, parallelism),
  };
  const work: Estimate = estimateWork(load, assumption);
  const cost =
    pricePerHour === undefined
      ? null
      : {
          pricePerHour,
          expected: (pricePerHour * seconds.expected) / 3600,
          most: (pricePerHour * seconds.most) / 3600,
        };
  return { schema, ...work, hands: parallelism, memory, time: { seconds, rates }, cost };
}

function share(text: string): number {
  const value = finiteNumber(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('give a share from 0 to 1.');
  return value;
}
