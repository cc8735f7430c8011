import { ConfigError } from '../../errors.ts';
import { type Ranking, rankingDigest } from '../../ranking/ranking.ts';
import { rankingKey, runKeys } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { type Plan, plannedRanking } from '../planning/plan.ts';
import { decodeKept } from '../planning/rankings.ts';
import { storedRanking } from '../stored.ts';

/**
 * Ranking stores are of machines, the run's is of all: the first ranking that is there is put into the run, and machines that
 * have none take it from there, so that all mask the same units. Throws ConfigError where the store has another one of the same
 * recipe: scores of another processor may differ in their last bits, and order units otherwise, and a file may be replaced. Throws
 * RankingError where one is damaged.
 */
export async function shareRankings(plan: Plan, runs: Store, rankings: Store): Promise<void> {
  for (const { method } of plan.rankings) await shareRanking(plan, method, { runs, rankings });
}

/** Throws as `shareRankings` does; writes nothing. */
export async function requireSharedRankings(plan: Plan, runs: Store, rankings: Store): Promise<void> {
  for (const { method, digest } of plan.rankings) {
    const [own, shared] = [await rankings.get(rankingKey(digest)), await runs.get(runKeys.ranking(method))];
    if (own !== undefined && shared !== undefined) requireSame(plan, method, { own, shared });
  }
}

async function shareRanking(
  plan: Plan,
  method: RankingMethod,
  { runs, rankings }: { readonly runs: Store; readonly rankings: Store },
): Promise<void> {
  const { digest, imported } = plannedRanking(plan, method);
  const own = await rankings.get(rankingKey(digest));
  const shared = (await runs.get(runKeys.ranking(method))) ?? (own && (await offer(plan, method, { runs, own })));
  if (shared === undefined) return;
  if (own !== undefined) requireSame(plan, method, { own, shared });
  else if (!imported && rankingDigest(sharedRanking(shared, method).recipe) === digest)
    await rankings.put(rankingKey(digest), shared);
}

/** The ranking of the run, which is `own` where it had none; one that is damaged or another one is not handed on. */
async function offer(
  plan: Plan,
  method: RankingMethod,
  { runs, own }: { readonly runs: Store; readonly own: Uint8Array },
): Promise<Uint8Array | undefined> {
  decodeKept(plan, method, own);
  const key = runKeys.ranking(method);
  return (await runs.putNew(key, own)) ? own : runs.get(key);
}

function requireSame(
  plan: Plan,
  method: RankingMethod,
  { own, shared }: { readonly own: Uint8Array; readonly shared: Uint8Array },
): void {
  if (Buffer.compare(own, shared) === 0 || sameScores(sharedRanking(shared, method), decodeKept(plan, method, own)))
    return;
  const [key, inRun] = [rankingKey(plannedRanking(plan, method).digest), runKeys.ranking(method)];
  throw new ConfigError(
    `the ${method} ranking in the store (${key}) is not the one that this run is done with (${inRun}): it was replaced, or another processor ` +
      'rounded otherwise. Give another folder with --rankings, or delete it from the store, and that of the run is taken',
  );
}

function sharedRanking(bytes: Uint8Array, method: RankingMethod): Ranking {
  return storedRanking(bytes, runKeys.ranking(method), 'delete it and run again');
}

function sameScores({ scores: a }: Ranking, { scores: b }: Ranking): boolean {
  return a.data.length === b.data.length && a.data.every((score, at) => Object.is(score, b.data[at]));
}
