import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Scores, topUnitMasks, topUnits } from '../../../src/defense/mask-set.ts';
import { RankingError } from '../../../src/errors.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { diagnose, requireSound } from '../../../src/ranking/diagnostics.ts';
import { ClassMeans } from '../../../src/ranking/loir.ts';
import { randomScores } from '../../../src/ranking/methods.ts';
import { decodeRanking, encodeRanking, type RankingRecipe, rankingDigest } from '../../../src/ranking/ranking.ts';
import { exportUnits, importUnits, readRanking } from '../../../src/runs/inputs/ig-defense-format.ts';
import { scratch } from '../../support/cli.ts';

const RECIPE: RankingRecipe = {
  method: 'loir',
  layer: 'layer4',
  checkpoint: 'a'.repeat(64),
  stateDict: null,
  input: { normalize: null, layout: 'NCHW' },
  probe: { sha256: 'b'.repeat(64), images: 1000 },
  signed: false,
  seed: null,
};

/** Scores given as one row per unit. */
function scoresOf(rows: readonly (readonly number[])[]): Scores {
  return { units: rows.length, classes: rows[0]?.length ?? 0, data: Float32Array.from(rows.flat()) };
}

const codesOf = (scores: Scores, keep: number) => diagnose(scores, keep).flags.map(({ code }) => code);

describe('masks', () => {
  test('keep the k most important units of each class, ties going to the lower unit', () => {
    const scores = scoresOf([
      [3, 0],
      [1, 2],
      [3, 2],
      [2, 1],
    ]);
    expect(topUnits(scores, 0, 4)).toEqual([0, 2, 3, 1]);
    expect([...topUnitMasks(scores, 2).data]).toEqual([1, 0, 1, 0, 0, 1, 1, 0]);
  });

  test('keep no unit whose score is no number before one whose score is', () => {
    const scores = scoresOf([[1], [Number.NaN], [3], [Number.NaN], [Number.NEGATIVE_INFINITY], [2]]);
    expect(topUnits(scores, 0, 6)).toEqual([2, 5, 0, 4, 1, 3]);
  });

  test('have exactly k ones a row, on units no less important than the others', () => {
    const shapes = fc.record({
      units: fc.integer({ min: 1, max: 20 }),
      classes: fc.integer({ min: 1, max: 6 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shapes, fc.nat(), ({ units, classes, seed }, k) => {
        const keep = (k % units) + 1;
        const scores = randomScores(units, classes, 'layer', seed);
        const masks = topUnitMasks(scores, keep).data;
        for (let c = 0; c < classes; c++) {
          const kept = topUnits(scores, c, keep).map((unit) => scores.data[unit * classes + c] ?? 0);
          const row = [...masks.subarray(c * units, (c + 1) * units)];
          expect(row.filter((value) => value === 1)).toHaveLength(keep);
          const dropped = row.flatMap((value, unit) => (value === 0 ? [scores.data[unit * classes + c] ?? 0] : []));
          expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(Number.NEGATIVE_INFINITY, ...dropped));
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('cannot keep more units than there are', () => {
    expect(() => topUnitMasks(scoresOf([[1], [2]]), 3)).toThrow(RankingError);
  });
});

describe('diagnostics', () => {
  const sound = scoresOf([
    [9, 1, 1],
    [8, 2, 2],
    [1, 9, 3],
    [2, 8, 4],
    [3, 3, 9],
    [4, 4, 8],
  ]);

  test('find nothing wrong with a ranking that tells classes apart', () => {
    const { flags, degenerate, meanOverlap, deadUnits } = diagnose(sound, 2);
    expect({ flags, degenerate, meanOverlap, deadUnits }).toEqual({
      flags: [],
      degenerate: false,
      meanOverlap: 0,
      deadUnits: 0,
    });
  });

  test.each([
    [
      'collapsed',
      scoresOf([
        [9, 9, 9],
        [8, 8, 8],
        [1, 1, 1],
        [0, 0, 0],
      ]),
    ],
    [
      'non-finite',
      scoresOf([
        [Number.NaN, 1, 2],
        [1, 2, 1],
        [2, 1, 3],
      ]),
    ],
    [
      'empty-class',
      scoresOf([
        [0, 1, 3],
        [0, 2, 2],
        [0, 3, 1],
      ]),
    ],
  ])('call a ranking degenerate: %s', (code, scores) => {
    const diagnostics = diagnose(scores, 2);
    expect(diagnostics.flags.map((flag) => flag.code)).toContain(code);
    expect(() => requireSound(diagnostics, 'loir', false)).toThrow(/loir ranking is degenerate: .*allowDegenerate/);
    expect(() => requireSound(diagnostics, 'loir', true)).not.toThrow();
  });

  test('mention a tie at the cut and count dead units, without refusing', () => {
    const scores = scoresOf([
      [5, 1],
      [3, 5],
      [3, 1],
      [0, 0],
      [1, 4],
    ]);
    expect(codesOf(scores, 2)).toEqual(['tie-at-cut']);
    expect(diagnose(scores, 2)).toMatchObject({ degenerate: false, deadUnits: 1 });
  });

  test('do not mistake keeping every unit for a collapse', () => {
    expect(codesOf(sound, 6)).toEqual([]);
  });
});

describe('class means', () => {
  test('divide by the images of each class; a class without images scores zero', () => {
    const means = new ClassMeans(2, 3);
    for (const label of [0, 0, 1]) means.count(label);
    means.add(0, 0, 1);
    means.add(0, 0, 3);
    means.add(1, 1, 5);
    expect([...means.scores().data]).toEqual([2, 0, 0, 0, 5, 0]);
  });
});

describe('random rankings', () => {
  test('depend on seed and layer alone', () => {
    expect(randomScores(8, 3, 'layer4', 1)).toEqual(randomScores(8, 3, 'layer4', 1));
    expect(randomScores(8, 3, 'layer4', 2).data).not.toEqual(randomScores(8, 3, 'layer4', 1).data);
    expect(randomScores(8, 3, 'layer3', 1).data).not.toEqual(randomScores(8, 3, 'layer4', 1).data);
  });
});

describe('ranking files', () => {
  let folder: ReturnType<typeof scratch>;
  beforeEach(() => {
    folder = scratch();
  });
  afterEach(() => folder.remove());
  const scores = randomScores(5, 3, 'layer4', 0);

  test('come back as they were written', async () => {
    expect(decodeRanking(encodeRanking({ recipe: RECIPE, scores }), 'x')).toEqual({ recipe: RECIPE, scores });
    writeFileSync(folder.path('r.json'), encodeRanking({ recipe: RECIPE, scores }));
    expect(await readRanking(folder.path('r.json'))).toEqual({ recipe: RECIPE, scores });
  });

  test.each([
    ['no JSON', '{'],
    ['another document', '{"schema": "igd.report/1"}'],
    ['scores cut short', encodeRanking({ recipe: RECIPE, scores: { ...scores, units: 6 } })],
  ])('are refused where they hold %s', (_, text) => {
    expect(() => decodeRanking(text, 'r.json')).toThrow(RankingError);
  });

  test('are addressed by what they are computed from', () => {
    const digest = rankingDigest(RECIPE);
    expect(rankingDigest({ ...RECIPE })).toBe(digest);
    const others: RankingRecipe[] = [
      { ...RECIPE, layer: 'layer3' },
      { ...RECIPE, signed: true },
      { ...RECIPE, checkpoint: 'c'.repeat(64) },
      { ...RECIPE, probe: { sha256: 'b'.repeat(64), images: 999 } },
      { ...RECIPE, input: { normalize: { mean: [0], std: [1] }, layout: 'NCHW' } },
      { ...RECIPE, input: { normalize: null, layout: 'NCHW', inputRange: '0..255' } },
      { ...RECIPE, input: { normalize: null, layout: 'NCHW', output: 'logits' } },
      { ...RECIPE, layerAxis: 3 },
    ];
    expect(new Set([digest, ...others.map(rankingDigest)]).size).toBe(9);
    expect(rankingDigest({ ...RECIPE, layerAxis: undefined })).toBe(digest);
  });

  test('go to the public layout and back', async () => {
    await exportUnits(scores, folder.path('layer4'));
    expect(readdirSync(folder.path('layer4')).sort()).toEqual([
      'unit0.npy',
      'unit1.npy',
      'unit2.npy',
      'unit3.npy',
      'unit4.npy',
    ]);
    expect(await readRanking(folder.path('layer4'))).toEqual({ recipe: undefined, scores });
  });

  test('of the public layout are refused with a unit missing, or of another length', async () => {
    await exportUnits(scores, folder.path('layer4'));
    writeFileSync(folder.path('layer4/unit3.npy'), encodeNpy(float32([2])));
    await expect(importUnits(folder.path('layer4'))).rejects.toThrow(/unit3\.npy has 2 classes/);
    rmSync(folder.path('layer4/unit1.npy'));
    await expect(importUnits(folder.path('layer4'))).rejects.toThrow(/unit1\.npy is missing/);
    mkdirSync(folder.path('empty'));
    await expect(importUnits(folder.path('empty'))).rejects.toThrow(/no unit<j>\.npy/);
    await expect(readRanking(folder.path('nowhere'))).rejects.toThrow(RankingError);
  });
});
