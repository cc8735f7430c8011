import { readFile, stat } from 'node:fs/promises';
import { messageOf, RankingError } from '../contracts/errors.ts';
import { importUnits } from './public-layout.ts';
import { decodeRanking, type RankingRecipe } from './ranking.ts';
import type { Scores } from './scores.ts';

/**
 * Reads a ranking file of ours, or a folder of public `unit<j>.npy`, which says nothing of where it came from.
 * Throws RankingError.
 */
export async function readRanking(path: string): Promise<{ recipe: RankingRecipe | undefined; scores: Scores }> {
  try {
    if ((await stat(path)).isDirectory()) return { recipe: undefined, scores: await importUnits(path) };
    return decodeRanking(await readFile(path, 'utf8'), path);
  } catch (cause) {
    if (cause instanceof RankingError) throw cause;
    throw new RankingError(`cannot read ranking ${path}: ${messageOf(cause)}`, { cause });
  }
}
