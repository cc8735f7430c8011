import {
  type AttackAssumptions,
  attackCost,
  auditAttacks,
  auditedImages,
  cleanCost,
  craftingCost,
  roundedCost,
  transferCost,
} from './estimate.ts';
import { keptAttacks, type ModelKind, type Workload } from './workload.ts';

/** How fast one model is evaluated by one worker, the others at work beside it. */
export interface ModelRates {
  /** Seconds until the model gives logits, and until every attack has its gradient: graphs are made and optimised. */
  readonly open: { readonly forward: number; readonly attacks: number };
  /** Seconds an image. */
  readonly forward: number;
  /** Seconds for each evaluation of an image by an attack, by the attack's name; its own arithmetic included. */
  readonly attacks: Readonly<Record<string, number>>;
}

export interface Rates {
  /** Seconds from the start of a worker until it has opened checkpoint and data. */
  readonly start: number;
  /** Share of the images tried that are classified correctly. */
  readonly correct: number;
  readonly models: Readonly<Partial<Record<ModelKind, ModelRates>>>;
  /** Seconds an image of the tail that a ranking reruns; 0 where none does. */
  readonly tail: number;
}

/** Workers of a stage with many jobs, and the threads each of them has. */
export interface Parallelism {
  readonly workers: number;
  readonly threads: number;
}

/** As `WorkerPool` shares the cores out among `jobs`. */
export function parallelismFor(
  jobs: number,
  { workers, cores }: { readonly workers: number; readonly cores: number },
): Parallelism {
  const parallelism = Math.max(1, Math.min(workers, jobs));
  return { workers: parallelism, threads: Math.max(1, Math.floor(cores / parallelism)) };
}

interface TimedJob {
  readonly variant: string;
  /** Seconds, the model being open. */
  readonly seconds: number;
  /** Seconds more for a worker that had another variant's model before. */
  readonly open: number;
}

/** Seconds from the start of the first worker to the last result. */
export function durationOf(
  load: Workload,
  rates: Rates,
  assumptions: AttackAssumptions,
  parallelism: Parallelism,
): number {
  const jobs = (
    opening: keyof ModelRates['open'],
    perImage: (model: ModelRates, variant: string, shard: number) => number,
  ) =>
    load.variants.flatMap(({ id, kind }) => {
      const model = ratesOf(rates, kind);
      return load.shards.flatMap((images, shard): TimedJob[] => {
        const seconds = images * perImage(model, id, shard);
        return seconds === 0 ? [] : [{ variant: id, seconds, open: model.open[opening] }];
      });
    });
  const evaluate = jobs('attacks', (model, variant, shard) =>
    evaluationSeconds(load, model, { variant, from: keptAttacks(load, variant, shard) }, assumptions),
  );
  const transfer = jobs('forward', ({ forward }) => forward * transferCost(load, assumptions).forwards);
  const audit = load.variants.flatMap(({ id, kind }) => {
    const model = ratesOf(rates, kind);
    const perImage = auditSeconds(load, model, id);
    return auditParts(load, assumptions).map((images) => {
      return { variant: id, seconds: images * perImage, open: model.open.attacks };
    });
  });
  const stages = [craftJobs(load, rates, assumptions), evaluate, transfer, audit].map((stage) =>
    makespan(stage, parallelism.workers),
  );
  return rates.start + rankSeconds(load, rates, parallelism) + stages.reduce((sum, seconds) => sum + seconds, 0);
}

/** The suite from its attack `from` on, an image of the data set; 0 where other runs have done it all. */
function evaluationSeconds(
  load: Workload,
  { forward, attacks }: ModelRates,
  { variant, from }: { readonly variant: string; readonly from: number },
  assumptions: AttackAssumptions,
): number {
  const clean = cleanCost(assumptions);
  const [first] = load.attacks.map(({ name }) => name);
  const seconds = load.attacks.map(({ name }, index) => {
    if (index < from) return 0;
    const { forwards, gradients } = attackCost(load, index, variant, assumptions);
    return (forwards + gradients) * secondsOf(attacks, name);
  });
  // A gradient of the checks is taken to cost what an evaluation of the first attack does, as a rule a gradient too.
  const checks = from > 0 ? 0 : clean.forwards * forward + clean.gradients * secondsOf(attacks, first!);
  const rounded = from >= load.attacks.length ? 0 : roundedCost(assumptions).forwards * forward;
  return seconds.reduce((sum, part) => sum + part, checks + rounded);
}

/** Examples that are made once, on the undefended model as a rule. */
function craftJobs(load: Workload, rates: Rates, assumptions: AttackAssumptions): TimedJob[] {
  const model = timedModel(rates);
  const perImage = load.attacks.reduce((sum, { name, once }, index) => {
    if (!once) return sum;
    const { forwards, gradients } = craftingCost(load, index, assumptions);
    return sum + (forwards + gradients) * secondsOf(model.attacks, name);
  }, 0);
  if (perImage === 0) return [];
  return load.shards.flatMap((images, shard) =>
    load.kept?.craft[shard] ? [] : [{ variant: 'none', seconds: images * perImage, open: model.open.attacks }],
  );
}

/** Images of each of a variant's audit shards that has any. */
function auditParts(load: Workload, assumptions: AttackAssumptions): number[] {
  const images = auditedImages(load, assumptions);
  const size = load.audit?.imagesPerShard ?? 1;
  return Array.from({ length: Math.ceil(images / size) }, (_, part) => Math.min(size, images - part * size));
}

/** The audit's suite, an image of the sample. */
function auditSeconds(load: Workload, { attacks }: ModelRates, variant: string): number {
  return auditAttacks(load, variant).reduce(
    (sum, { name, cost }) => sum + (cost.forwards + cost.gradients) * secondsOf(attacks, name),
    0,
  );
}

/** A ranking has the cores of all workers; that they help in full is taken for granted. */
function rankSeconds({ rankings }: Workload, rates: Rates, { workers }: Parallelism): number {
  const { forward } = timedModel(rates);
  const { tail } = rates;
  const alone = rankings.reduce(
    (sum, { images, trunks, tails }) => sum + images * (trunks * forward + tails * tail),
    0,
  );
  return alone / workers;
}

function timedModel({ models }: Rates): ModelRates {
  const timed = models.base ?? models.defended;
  if (timed === undefined) throw new Error('no model was timed');
  return timed;
}

function secondsOf(attacks: ModelRates['attacks'], name: string): number {
  const seconds = attacks[name];
  if (seconds === undefined) throw new Error(`attack ${name} was not timed`);
  return seconds;
}

function ratesOf({ models }: Rates, kind: ModelKind): ModelRates {
  const rates = models[kind];
  if (rates === undefined) throw new Error(`no ${kind} model was timed`);
  return rates;
}

/** Jobs in order, each to the worker that is free first. */
export function makespan(jobs: readonly TimedJob[], workers: number): number {
  const pool = Array.from({ length: workers }, () => ({ free: 0, variant: '' }));
  for (const { variant, seconds, open } of jobs) {
    const next = pool.reduce((first, worker) => (worker.free < first.free ? worker : first));
    next.free += seconds + (next.variant === variant ? 0 : open);
    next.variant = variant;
  }
  return Math.max(...pool.map(({ free }) => free));
}
