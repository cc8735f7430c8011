import { describe, expect, test } from 'vitest';
import { ZOO_NETWORKS } from '../../../src/schemas/zoo/networks.ts';
import { LEADERBOARDS } from '../../../src/schemas/zoo/rows.ts';
import { unknownZooEntry, zooEntries } from '../../../src/schemas/zoo/zoo.ts';

const entries = [...zooEntries().values()];
const entry = (id: string) => zooEntries().get(id);

describe("the table of RobustBench's zoo", () => {
  test('has every model of the leaderboards, once', () => {
    const counts = LEADERBOARDS.map(({ dataset, threat, rows }) => [`${dataset}/${threat}`, rows().length]);
    expect(Object.fromEntries(counts)).toEqual({
      'cifar10/Linf': 76,
      'cifar10/L2': 21,
      'cifar10/corruptions': 17,
      'cifar100/Linf': 38,
      'cifar100/corruptions': 12,
      'imagenet/Linf': 30,
      'imagenet/corruptions': 12,
    });
    expect(entries).toHaveLength(206);
  });

  test('names no network that no model has', () => {
    const used = LEADERBOARDS.flatMap(({ rows }) => rows().map(({ network }) => network));
    expect(new Set(used)).toEqual(new Set(Object.keys(ZOO_NETWORKS)));
  });

  test('says what no weights tell: activation, normalisation, shortcut, the state dict among several', () => {
    expect(entry('cifar10/Linf/Wang2023Better_WRN-70-16')?.reading).toMatchObject({
      model: { activation: 'silu', normalization: 'cifar10' },
    });
    expect(entry('cifar10/L2/Rony2019Decoupling')?.reading).toMatchObject({
      normalize: { mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] },
    });
    expect(entry('cifar10/Linf/Andriushchenko2020Understanding')?.reading).toMatchObject({
      model: { shortcut: 'raw', normalization: 'none' },
      stateDict: 'last',
    });
    expect(entry('imagenet/Linf/Debenedetti2022Light_XCiT-S12')?.reading).toMatchObject({
      model: { normalization: 'none' },
    });
  });

  test('says nothing of a normalisation that the file has, or of a model that is not read', () => {
    const silent = entries.filter(({ reading }) => reading.kind === 'read' && reading.normalize === undefined);
    const inFile = silent.filter(({ reading }) => reading.kind === 'read' && reading.model.normalization === undefined);
    expect(inFile.map(({ id }) => id)).toEqual([
      'cifar10/corruptions/Modas2021PRIMEResNet18',
      'cifar100/corruptions/Modas2021PRIMEResNet18',
      'imagenet/Linf/Peng2023Robust',
    ]);
    for (const { reading } of entries) if (reading.kind === 'refused') expect(reading.reason).not.toBe('');
  });

  test('has a preprocessing for ImageNet alone, and published accuracies for all', () => {
    for (const { leaderboard, preprocessing, published } of entries) {
      expect(preprocessing !== undefined).toBe(leaderboard.dataset === 'imagenet');
      expect(published.clean).toBeGreaterThan(published.robust);
      expect(published.external ?? 0).toBeLessThan(published.robust + 0.01);
    }
    expect(entry('imagenet/Linf/Mo2022When_ViT-B')?.preprocessing).toBe('Res224');
    expect(entry('cifar10/Linf/Kang2021Stable')?.published).toEqual({ clean: 93.73, robust: 71.28, external: 64.2 });
  });

  test('suggests the nearest id', () => {
    expect(unknownZooEntry('cifar10/linf/Carmon2019Unlabelled')).toContain('"cifar10/Linf/Carmon2019Unlabeled"');
    expect(unknownZooEntry('x')).toMatch(/^"x" is no model of RobustBench's zoo \("igd zoo" lists them\)$/);
  });
});
