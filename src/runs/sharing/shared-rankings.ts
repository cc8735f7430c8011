import { ConfigError } from '../../errors.ts';
import { decodeRanking, type Ranking, rankingDigest } from '../../ranking/ranking.ts';
import { rankingKey, runKeys } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { type Plan, plannedRanking } from '../planning/plan.ts';

/**
 * Ranking stores are of machines, the run's is of all: the first ranking that is there is put into the run, and machines that
 * have none take it from there, so that all mask the same units. Throws ConfigError where the store has another one of the same
 * recipe: scores of another processor may differ in their last bits, and order units otherwise, and a file may be replaced.
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
  const [key, shared] = [rankingKey(digest), runKeys.ranking(method)];
  const own = await rankings.get(key);
  if (own !== undefined && (await runs.putNew(shared, own))) return;
  const published = await runs.get(shared);
  if (published === undefined) return;
  if (own !== undefined) requireSame(method, digest, own, published);
  else if (!imported && rankingDigest(decode(published, shared).recipe) === digest) await rankings.put(key, published);
}

function requireSame(method: RankingMethod, digest: string, own: Uint8Array, published: Uint8Array): void {
  const [key, shared] = [rankingKey(digest), runKeys.ranking(method)];
  if (sameScores(decode(published, shared), decode(own, key))) return;
  throw new ConfigError(
    `the ${method} ranking in the store (${key}) is not the one that this run is done with (${shared}): it was replaced, or another ` +
      'processor rounded otherwise. Give another folder with --rankings, or delete it from the store, and that of the run is taken',
  );
}

function decode(bytes: Uint8Array, where: string): Ranking {
  return decodeRanking(new TextDecoder().decode(bytes), where);
}

function sameScores({ scores: a }: Ranking, { scores: b }: Ranking): boolean {
  return a.data.length === b.data.length && a.data.every((score, at) => Object.is(score, b.data[at]));
}
