import { describe, expect, test } from 'vitest';
import { type Job, jobLabel, type Plan, stageJobs, stagesOf } from '../../../src/runs/planning/plan.ts';
import { resultKey } from '../../../src/runs/results.ts';
import type { Stage } from '../../../src/runs/run.ts';
import { runKeys } from '../../../src/schemas/keys.ts';
import type { StageName } from '../../../src/schemas/service.ts';
import type { Store } from '../../../src/stores/store.ts';
import { resultsOf } from './reference.ts';

/** One run, as an executor does it. */
export interface ExecutorRun {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  /** Does what is missing, until nothing more can be done; or until a job of `cancelDuring` is under way, and then ends. */
  go(cancelDuring?: StageName): Promise<Outcome>;
}

export interface Outcome {
  readonly ended: 'complete' | 'incomplete' | 'cancelled';
  /** Why jobs failed. */
  readonly failures: readonly string[];
  /** Jobs that were done, see `named`; not those whose result was there. */
  readonly done: readonly string[];
  /** What a watcher was told, in order. */
  readonly told: readonly Told[];
}

export type Told =
  | { readonly kind: 'stage'; readonly stage: Stage; readonly total: number; readonly done: number }
  | { readonly kind: 'job'; readonly job: string; readonly fraction: number };

/** A job's name among all of a run. */
export function named(kind: string, job: Job | string): string {
  return `${kind} ${typeof job === 'string' ? job : jobLabel(job)}`;
}

/** Two shards of two variants: 1 ranking, 4 evaluations, 4 transfers. */
const SMALL = { dataset: { testImages: 6 }, compute: { batchSize: 3, imagesPerShard: 3 }, variants: ['none', 'loir'] };

/** An attack of some seconds, in one shard. */
const LONG = {
  dataset: { testImages: 4 },
  compute: { batchSize: 4, imagesPerShard: 4 },
  variants: ['loir'],
  suite: [{ attack: 'apgd-ce', iterations: 600 }],
};

/** What every executor promises. `open` makes a run of the small config with changes, of which nothing is done. */
export function executorContract(
  name: string,
  open: (changes: Readonly<Record<string, object>>) => Promise<ExecutorRun>,
  { brief = false }: { readonly brief?: boolean } = {},
): void {
  const jobsOf = (plan: Plan) => stagesOf(plan).flatMap((stage) => stageJobs(plan, stage));
  const names = (plan: Plan) => jobsOf(plan).map((job) => named(job.kind, job));
  // A ranking is kept for every run: probe sets of different sizes keep tests from each other's.
  const probing = (changes: typeof SMALL | typeof LONG, probeImages: number) => ({
    ...changes,
    dataset: { ...changes.dataset, probeImages },
  });

  describe(`${name} keeps the contract of an executor`, () => {
    test('does every job once, and its results are where the plan says, those of the job bodies', async () => {
      const run = await open(probing(SMALL, 100));
      const { ended, failures, done } = await run.go();
      expect({ ended, failures }).toEqual({ ended: 'complete', failures: [] });
      expect([...done].sort()).toEqual(names(run.plan).sort());
      const expected = await resultsOf(run.plan);
      // The ranking is in the store and in the run.
      expect(expected.size).toBe(2 + 1 + 4 * 4 + 4 + 2);
      for (const [key, result] of expected) {
        expect((await run.runs.has(key)) || (await run.rankings.has(key)), key).toBe(true);
        if (isProof(key)) continue;
        const store = key === resultKey(run.plan, { kind: 'rank', method: 'loir' }) ? run.rankings : run.runs;
        expect(timeless(await store.get(key)), key).toBe(timeless(result));
      }
      for (const file of ['report.json', 'report.html', 'images.csv'])
        expect(await run.runs.has(runKeys.report(file))).toBe(true);
    });

    const tells = 'tells how far stages and jobs are: never back, never more than all, and all at the end';
    if (!brief)
      test(tells, async () => {
        const run = await open(probing(SMALL, 110));
        const { told } = await run.go();
        for (const stage of stagesOf(run.plan)) {
          const counts = told.flatMap((what) => (what.kind === 'stage' && what.stage === stage ? [what] : []));
          const total = stageJobs(run.plan, stage).length;
          expect(new Set(counts.map((count) => count.total))).toEqual(new Set([total]));
          expect(counts.map(({ done }) => done)).toEqual(counts.map(({ done }) => done).toSorted((a, b) => a - b));
          expect(counts.at(-1)?.done).toBe(total);
        }
        const steps = told.filter((what) => what.kind === 'job');
        expect(steps.length).toBeGreaterThan(0);
        for (const job of new Set(steps.map((step) => step.job))) {
          expect(names(run.plan)).toContain(job);
          const fractions = steps.filter((step) => step.job === job).map(({ fraction }) => fraction);
          expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
          expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
        }
      });

    const says = 'says why a job failed, keeps what is done, and does only what is missing the next time';
    if (!brief)
      test(says, async () => {
        const run = await open(probing(SMALL, 120));
        const results = await resultsOf(run.plan);
        // A result that says "done" without its examples: evaluating the others on them fails.
        const [done, lost] = [runKeys.evaluation('none', 0), runKeys.examples('none', 0)];
        for (const key of [done, runKeys.perturbations('none', 0), runKeys.pictures('none', 0)])
          await run.runs.put(key, results.get(key) ?? '');
        const failed = await run.go();
        expect(failed.ended).toBe('incomplete');
        expect(failed.failures).toHaveLength(1);
        expect(failed.failures[0]).toContain(`${lost} is missing: delete ${done} and run again`);
        expect(await run.runs.has(runKeys.report('report.json'))).toBe(false);
        const evaluations = names(run.plan).filter(
          (job) => /^(rank|evaluate)/.test(job) && job !== 'evaluate none shard 0',
        );
        expect(failed.done.filter((job) => !job.startsWith('transfer')).toSorted()).toEqual(evaluations.toSorted());

        await run.runs.put(lost, results.get(lost) ?? '');
        const resumed = await run.go();
        expect({ ended: resumed.ended, failures: resumed.failures }).toEqual({ ended: 'complete', failures: [] });
        expect([...failed.done, ...resumed.done].sort()).toEqual(
          names(run.plan)
            .filter((job) => job !== 'evaluate none shard 0')
            .sort(),
        );
        for (const [key, result] of results)
          if (!key.startsWith('rankings/') && !isProof(key))
            expect(timeless(await run.runs.get(key)), key).toBe(timeless(result));
      });

    const ends = 'ends where it is cancelled, leaves no half of a result, and goes on from there';
    if (!brief)
      test(ends, async () => {
        const run = await open(probing(LONG, 130));
        const cancelled = await run.go('evaluate');
        expect({ ended: cancelled.ended, done: cancelled.done }).toEqual({
          ended: 'cancelled',
          done: ['rank loir ranking'],
        });
        expect(await run.runs.list('shards/')).toEqual([]);
        expect(await run.runs.list('report')).toEqual([]);
        const resumed = await run.go();
        expect(resumed.ended).toBe('complete');
        expect(resumed.done).toEqual(['evaluate loir shard 0', 'transfer loir shard 0']);
      });
  });
}

/** A proof is made on as many images as there is time for, and says how rounding went. */
function isProof(key: string): boolean {
  return key.startsWith('proof/');
}

/** A result as text, without the times in it, which no two computations share. */
function timeless(result: Uint8Array | undefined): string {
  return Buffer.from(result ?? [])
    .toString('latin1')
    .replaceAll(/("(?:seconds|runtimeSeconds)":\s*)[\d.e+-]+/g, '$10');
}
