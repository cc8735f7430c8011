import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scores } from '../../defense/mask-set.ts';
import { messageOf, RankingError } from '../../errors.ts';
import { decodeNpy, encodeNpy } from '../../numeric/npy.ts';
import { float32, toNumbers } from '../../numeric/tensor.ts';
import { decodeRanking, type RankingRecipe } from '../../ranking/ranking.ts';
import { makeFolder } from '../../stores/make-folder.ts';

/**
 * The layout the public code keeps rankings in: a folder `saved_loir_rankings/<checkpoint>/<layer>` of files `unit<j>.npy`,
 * each the scores of unit j for every class, [C].
 */

/** Writes `unit<j>.npy` for every unit. */
export async function exportUnits(scores: Scores, folder: string): Promise<void> {
  await makeFolder(folder);
  for (let unit = 0; unit < scores.units; unit++) {
    const row = scores.data.slice(unit * scores.classes, (unit + 1) * scores.classes);
    await writeFile(join(folder, `unit${unit}.npy`), encodeNpy(float32([scores.classes], row)));
  }
}

/** Reads a folder of `unit<j>.npy`. Throws RankingError where a unit is missing or its length differs. */
export async function importUnits(folder: string): Promise<Scores> {
  const units = (await readdir(folder)).filter((name) => /^unit\d+\.npy$/.test(name)).length;
  if (units === 0) throw new RankingError(`${folder} holds no unit<j>.npy: give the folder of one layer`);
  const rows: number[][] = [];
  for (let unit = 0; unit < units; unit++) rows.push(await readUnit(join(folder, `unit${unit}.npy`), unit, units));
  const classes = rows[0]!.length;
  const odd = rows.findIndex((row) => row.length !== classes);
  if (odd >= 0)
    throw new RankingError(`${folder}: unit${odd}.npy has ${rows[odd]?.length} classes, unit0.npy has ${classes}`);
  return { units, classes, data: Float32Array.from(rows.flat()) };
}

async function readUnit(path: string, unit: number, units: number): Promise<number[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new RankingError(`unit${unit}.npy is missing or unreadable, though there are ${units} unit files: ${path}`, {
      cause,
    });
  });
  const tensor = decodeNpy(bytes, path);
  if (tensor.dims.length !== 1)
    throw new RankingError(`${path} is [${tensor.dims.join(', ')}]: expected one score per class`);
  return toNumbers(tensor);
}

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
