import { ConfigError } from '../../errors.ts';
import { type Ranking, rankingDigest } from '../../ranking/ranking.ts';
import { rankingKey, runKeys } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { type Plan, plannedRanking } from '../planning/plan.ts';
import { keptRemedy, storedRanking } from '../stored.ts';

/**
 * Ranking stores are of machines, the run's is of all: the first ranking that is there is put into the run, and machines that
 * have none take it from there, so that all mask the same units. Throws ConfigError where the store has another one of the same
 * recipe: scores of another processor may differ in their last bits, and order units otherwise, and a file may be replaced. Throws
 * RankingError where one is damaged.
 */
export async function shareRankings(plan: Plan, runs: Store, rankings: Store): Promise<void> {
  for (const { method } of plan.rankings) await shareRanking(plan, method, { runs, rankings });
}

/** Throws ConfigError as `shareRankings` does; writes nothing. */
export async function requireSharedRankings(plan: Plan, runs: Store, rankings: Store): Promise<void> {
  for (const { method, digest } of plan.rankings) {
    const [own, published] = [await rankings.get(rankingKey(digest)), await runs.get(runKeys.ranking(method))];
    if (own !== undefined && published !== undefined) requireSame(method, digest, own, published);
  }
}

async function shareRanking(
  plan: Plan,
  method: RankingMethod,
  { runs, rankings }: { readonly runs: Store; readonly rankings: Store },
): Promise<void> {
  const { digest, imported } = plannedRanking(plan, method);
  const key = rankingKey(digest);
  const own = await rankings.get(key);
  const shared = (await runs.get(runKeys.ranking(method))) ?? (own && (await firstOf(method, runs, own, key)));
  if (shared === undefined) return;
  if (own !== undefined) requireSame(method, digest, own, shared);
  else if (!imported && rankingDigest(sharedRanking(shared, method).recipe) === digest) await rankings.put(key, shared);
}

/** That of the run after `own`, which was read from `key`, was offered: one that is damaged is not handed on. */
async function firstOf(method: RankingMethod, runs: Store, own: Uint8Array, key: string) {
  ownRanking(own, key);
  const shared = runKeys.ranking(method);
  return (await runs.putNew(shared, own)) ? own : runs.get(shared);
}

function requireSame(method: RankingMethod, digest: string, own: Uint8Array, shared: Uint8Array): void {
  const key = rankingKey(digest);
  if (Buffer.compare(own, shared) === 0 || sameScores(sharedRanking(shared, method), ownRanking(own, key))) return;
  throw new ConfigError(
    `the ${method} ranking in the store (${key}) is not the one that this run is done with (${runKeys.ranking(method)}): it was replaced, or ` +
      'another processor rounded otherwise. Give another folder with --rankings, or delete it from the store, and that of the run is taken',
  );
}

function ownRanking(bytes: Uint8Array, key: string): Ranking {
  return storedRanking(bytes, key, keptRemedy('rankings'));
}

function sharedRanking(bytes: Uint8Array, method: RankingMethod): Ranking {
  return storedRanking(bytes, runKeys.ranking(method), 'delete it and run again');
}

function sameScores({ scores: a }: Ranking, { scores: b }: Ranking): boolean {
  return a.data.length === b.data.length && a.data.every((score, at) => Object.is(score, b.data[at]));
}
