import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeRanking } from '../../../../src/ranking/ranking.ts';
import { inspectInputs } from '../../../../src/runs/inputs/inspect-inputs.ts';
import type { JobExecutor, JobListener } from '../../../../src/runs/jobs/executor.ts';
import { encodePlan, type Job, type Plan, planRun, recipeOf, stageJobs } from '../../../../src/runs/planning/plan.ts';
import { loadRanking } from '../../../../src/runs/planning/rankings.ts';
import { resultKey } from '../../../../src/runs/results.ts';
import { requireSamePlan, writePlan } from '../../../../src/runs/run.ts';
import { type RunShare, shareRun } from '../../../../src/runs/sharing/share-run.ts';
import { doTogether } from '../../../../src/runs/sharing/shared-jobs.ts';
import { requireSharedRankings, shareRankings } from '../../../../src/runs/sharing/shared-rankings.ts';
import { rankingKey, runKeys } from '../../../../src/schemas/keys.ts';
import { parseConfig } from '../../../../src/schemas/parse-config.ts';
import { encodeRecord } from '../../../../src/schemas/parse-record.ts';
import { MemoryStore } from '../../../../src/stores/memory-store.ts';
import { smallConfig } from '../../../support/cli.ts';

async function planOf(changes: Readonly<Record<string, unknown>> = {}): Promise<Plan> {
  const source = smallConfig({ variants: ['none', 'loir'], ...changes });
  const config = parseConfig(JSON.stringify(source), 'config');
  return planRun(config, JSON.parse(JSON.stringify(source)), await inspectInputs(config));
}

let plan: Plan;
let other: Plan;
beforeAll(async () => {
  plan = await planOf();
  other = await planOf({ seed: 1 });
});

/** Puts a result for each job it may begin, and counts them. */
function worker(runs: MemoryStore, did: Job[]): JobExecutor {
  return {
    async run(jobs: readonly Job[], listener: JobListener) {
      for (const job of jobs) {
        if ((await listener.begin?.(job)) === false) continue;
        await delay(1);
        did.push(job);
        await runs.put(resultKey(plan, job), '{}');
        listener.done(job);
        await listener.ended?.(job);
      }
    },
    close: async () => {},
  };
}

function part(runs: MemoryStore, share: RunShare, did: Job[], told: string[] = [], signal?: AbortSignal) {
  return doTogether({
    jobs: stageJobs(plan, 'evaluate'),
    share,
    signal,
    workers: worker(runs, did),
    listener: { progress: () => {}, done: () => told.push('done'), elsewhere: () => told.push('elsewhere') },
    isDone: (job) => runs.has(resultKey(plan, job)),
    keyOf: (job) => resultKey(plan, job),
  });
}

describe('jobs of a stage', () => {
  test('are each done once by processes that do them together, and each is told of all', async () => {
    const runs = new MemoryStore();
    const did: Job[] = [];
    const told = [0, 1, 2].map((): string[] => []);
    await Promise.all(told.map((heard) => shareRun(plan, runs, (share) => part(runs, share, did, heard))));
    const all = stageJobs(plan, 'evaluate');
    expect(did.map((job) => resultKey(plan, job)).sort()).toEqual(all.map((job) => resultKey(plan, job)).sort());
    for (const heard of told) expect(heard).toHaveLength(all.length);
    expect(told.flat().filter((what) => what === 'done')).toHaveLength(all.length);
    expect(await runs.list(runKeys.leases)).toEqual([]);
  });

  test('are waited for where others are at them, until a signal ends that', async () => {
    const runs = new MemoryStore();
    const did: Job[] = [];
    const stop = new AbortController();
    const waiting = shareRun(plan, runs, async ({ leases }) => {
      for (const job of stageJobs(plan, 'evaluate')) await leases.claim(resultKey(plan, job));
      await shareRun(plan, runs, (share) => part(runs, share, did, [], stop.signal));
    });
    setTimeout(() => stop.abort(new Error('interrupted')), 30);
    await expect(waiting).rejects.toThrow('interrupted');
    expect(did).toEqual([]);
  });
});

describe('the plan of a folder', () => {
  test('is that of the first of two that begin at once with other configs', async () => {
    const runs = new MemoryStore();
    const outcomes = await Promise.allSettled(
      [plan, other].map((one) =>
        shareRun(one, runs, async (share) => {
          await writePlan(one, runs, share);
          await delay(20);
        }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(outcomes[1]).toMatchObject({
      reason: { message: expect.stringContaining(`(${plan.id}, now ${other.id})`) },
    });
    expect(new TextDecoder().decode(await runs.get(runKeys.plan))).toBe(encodePlan(plan));
  });

  test('is of one size of shards: as many of another would be taken for those that are done', async () => {
    const runs = new MemoryStore();
    const [sixes, eights] = await Promise.all([6, 8].map((imagesPerShard) => planOf({ compute: { imagesPerShard } })));
    expect([eights!.id, eights!.shards.length]).toEqual([sixes!.id, sixes!.shards.length]);
    await shareRun(sixes!, runs, async (share) => {
      await writePlan(sixes!, runs, share);
      await writePlan(sixes!, runs, share);
      await expect(shareRun(eights!, runs, (second) => writePlan(eights!, runs, second))).rejects.toThrow(
        /which a process is at: compute changed/,
      );
    });
    await runs.put(resultKey(sixes!, { kind: 'evaluate', variant: 'none', shard: 0 }), '{}');
    await expect(requireSamePlan(eights!, runs)).rejects.toThrow(/another run .*: compute changed/);
    await requireSamePlan(sixes!, runs);
  });

  test('is replaced where a start was refused, whatever it left behind', async () => {
    const runs = new MemoryStore();
    await runs.put(runKeys.plan, encodePlan(other));
    await runs.put(runKeys.lease('x', 1), encodeRecord({ schema: 'igd.job-lease/1', holder: 'gone' }));
    await shareRun(plan, runs, (share) => writePlan(plan, runs, share));
    expect(new TextDecoder().decode(await runs.get(runKeys.plan))).toBe(encodePlan(plan));
  });
});

describe('the ranking of a run', () => {
  const ranking = (first: number) =>
    encodeRanking({
      recipe: recipeOf('loir', plan.config, plan.inputs),
      scores: { units: 2, classes: 2, data: new Float32Array([first, 2, 3, 4]) },
    });
  const key = () => rankingKey(plan.rankings[0]!.digest);

  test('is the first that is there, for machines that have none', async () => {
    const [runs, first, second] = [new MemoryStore(), new MemoryStore(), new MemoryStore()];
    await shareRankings(plan, runs, second);
    expect(await second.list('')).toEqual([]);
    await first.put(key(), ranking(1));
    for (const rankings of [first, second]) await shareRankings(plan, runs, rankings);
    expect(await second.get(key())).toEqual(await first.get(key()));
  });

  test('is refused on a machine that has another one of the same recipe', async () => {
    const [runs, first, second] = [new MemoryStore(), new MemoryStore(), new MemoryStore()];
    await first.put(key(), ranking(1));
    await second.put(key(), ranking(1 + 2 ** -23));
    await shareRankings(plan, runs, first);
    await expect(shareRankings(plan, runs, second)).rejects.toThrow(/not the one .*another folder with --rankings/);
    // What looks a run over says so too, and leaves nothing.
    await requireSharedRankings(plan, new MemoryStore(), second);
    await requireSharedRankings(plan, runs, new MemoryStore());
    await expect(requireSharedRankings(plan, runs, second)).rejects.toThrow(/not the one that this run is done with/);
  });

  test('goes with the run: another machine checks it with that, not with one of its own', async () => {
    const scores = (first: number) => Float32Array.from({ length: 640 }, (_, at) => (at === 0 ? first : Math.sin(at)));
    const recipe = recipeOf('loir', plan.config, plan.inputs);
    const encoded = (first: number) =>
      encodeRanking({ recipe, scores: { units: 64, classes: 10, data: scores(first) } });
    const [runs, rankings] = [new MemoryStore(), new MemoryStore()];
    await expect(loadRanking({ plan, runs, rankings }, 'loir')).rejects.toThrow(
      /not in the store of rankings, nor is there ranking\.loir\.json in the run: run again/,
    );
    await runs.put(runKeys.ranking('loir'), encoded(1));
    const first = async () => (await loadRanking({ plan, runs, rankings }, 'loir')).scores.data[0];
    expect(await first()).toBe(1);
    await rankings.put(key(), encoded(2));
    expect(await first()).toBe(1);
    // One of another recipe is none of this run's.
    const otherRecipe = { ...recipe, signed: !recipe.signed };
    await runs.put(
      runKeys.ranking('loir'),
      encodeRanking({ recipe: otherRecipe, scores: { units: 64, classes: 10, data: scores(3) } }),
    );
    expect(await first()).toBe(2);
  });

  test('is refused where it is damaged, and no run is given it', async () => {
    const [runs, rankings] = [new MemoryStore(), new MemoryStore()];
    await rankings.put(key(), ranking(1).slice(0, 200));
    await expect(shareRankings(plan, runs, rankings)).rejects.toThrow(/is damaged: delete it .*and run again/);
    expect(await runs.list('')).toEqual([]);
  });
});
