import { RunError } from '../contracts/errors.ts';
import { rankingKey } from '../contracts/keys.ts';
import type { RankingMethod } from '../contracts/variants.ts';
import { diagnose, requireSound } from '../ranking/diagnostics.ts';
import { decodeRanking, type Ranking } from '../ranking/ranking.ts';
import type { Store } from '../stores/store.ts';
import type { Plan } from './plan.ts';

/** The ranking of `method` from the store. Throws RankingError where it is degenerate, RunError where it is not there. */
export async function soundRanking(
  { plan, rankings }: { readonly plan: Plan; readonly rankings: Store },
  method: RankingMethod,
): Promise<Ranking> {
  const digest = plan.rankings.find((entry) => entry.method === method)?.digest ?? '';
  const bytes = await rankings.get(rankingKey(digest));
  if (bytes === undefined)
    throw new RunError(`the ${method} ranking ${digest} is not in the store: rank before evaluating`);
  const ranking = decodeRanking(new TextDecoder().decode(bytes), rankingKey(digest));
  const { importantUnits = 1, ranking: options } = plan.config;
  requireSound(diagnose(ranking.scores, importantUnits), method, options.allowDegenerate);
  return ranking;
}
