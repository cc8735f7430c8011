import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { ZOO_NETWORKS } from '../../../src/schemas/zoo/networks.ts';
import { LEADERBOARDS } from '../../../src/schemas/zoo/rows.ts';
import { zooEntries, zooEntry } from '../../../src/schemas/zoo/zoo.ts';
import { smallConfig } from '../../support/cli.ts';

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
    const inFile = silent.filter(
      ({ reading }) => reading.kind === 'read' && reading.model.normalization === undefined && reading.networks === 1,
    );
    expect(inFile.map(({ id }) => id)).toEqual([
      'cifar10/corruptions/Modas2021PRIMEResNet18',
      'cifar100/corruptions/Modas2021PRIMEResNet18',
      'imagenet/Linf/Peng2023Robust',
    ]);
    for (const { reading } of entries) if (reading.kind === 'refused') expect(reading.reason).not.toBe('');
  });

  test('says how the files of a model that has several become one, each of them used', () => {
    for (const { files, reading } of entries) {
      const { join = 'M0' } = reading.kind === 'read' ? reading : {};
      expect(new Set(join.match(/\bM\d/g)).size).toBe(files.length);
    }
    expect(entry('cifar10/Linf/Chen2020Adversarial')?.reading).toMatchObject({
      join: 'models.0=M0 models.1=M1 models.2=M2',
      model: { architecture: 'ensemble', normalization: 'imagenet' },
    });
  });

  test('has a preprocessing for ImageNet alone, and published accuracies for all', () => {
    for (const { leaderboard, preprocessing, published } of entries) {
      expect(preprocessing !== undefined).toBe(leaderboard.dataset === 'imagenet');
      expect(published.clean).toBeGreaterThan(published.robust);
      expect(published.external ?? 0).toBeLessThan(published.robust + 0.01);
    }
    expect(entry('imagenet/Linf/Mo2022When_ViT-B')?.preprocessing).toBe('Res224');
    const stable = { clean: 93.73, robust: 71.28, external: 64.2, epsilon: 8 / 255 };
    expect(entry('cifar10/Linf/Kang2021Stable')?.published).toEqual(stable);
    expect(entry('cifar10/Linf/Zhang2019Theoretically')?.published).toEqual({
      clean: 84.92,
      robust: 53.08,
      epsilon: 0.031,
    });
  });

  test('suggests the nearest id', () => {
    expect(() => zooEntry('cifar10/linf/Carmon2019Unlabelled')).toThrow('"cifar10/Linf/Carmon2019Unlabeled"');
    expect(() => zooEntry('x')).toThrow(
      /^zoo: "x" is no model of RobustBench's leaderboards \("igd zoo" lists them\)$/,
    );
  });
});

describe("a config's checkpoint.zoo", () => {
  const parse = (zoo: string, changes: Readonly<Record<string, unknown>> = {}, uri = 'model.pt') =>
    parseConfig(JSON.stringify(smallConfig({ checkpoint: { uri, zoo }, ...changes })), 'c.json');
  const folder = { format: 'imagefolder', test: 'val', probe: 'train' };
  const SALMAN = 'imagenet/Linf/Salman2020Do_R50';

  test('brings published accuracies, under its own threat model alone', () => {
    const rice = 'cifar10/Linf/Rice2020Overfitting';
    expect(parse(rice, { threat: { norm: 'Linf', epsilon: '8/255' } }).published).toEqual({
      source: `RobustBench, ${rice}`,
      images: 10_000,
      suite: 'standard',
      variants: { none: { clean: 85.34, robust: 53.42 } },
    });
    const other = parse(rice, { threat: { norm: 'L2', epsilon: 0.5 } }).published;
    expect(other?.variants).toEqual({ none: { clean: 85.34 } });
    expect(other?.note).toBe('Its robust accuracy was found under Linf, 8/255: 53.42%.');
    expect(other?.suite).toBeUndefined();
    const trades = parse('cifar10/Linf/Zhang2019Theoretically', { threat: { norm: 'Linf', epsilon: '8/255' } });
    expect(trades.published?.note).toBe('Its robust accuracy was found under Linf, 7.91/255: 53.08%.');
    const corruptions = parse('cifar10/corruptions/Modas2021PRIMEResNet18').published;
    expect(corruptions?.note).toBe('Its leaderboard is of common corruptions: 89.05% right on average.');
    const gowal = parse('cifar10/Linf/Gowal2020Uncovering_70_16', { threat: { norm: 'Linf', epsilon: '8/255' } });
    expect(gowal.published?.note).toBe('Stronger attacks than AutoAttack left 57.14%.');
  });

  test('leaves what the config says of its own, and a run without variant none, alone', () => {
    const published = { source: 'mine', variants: {} };
    expect(parse('cifar10/Linf/Rice2020Overfitting', { published }).published).toEqual(published);
    expect(parse('cifar10/Linf/Rice2020Overfitting', { variants: ['loir'] }).published).toBeUndefined();
  });

  test("brings ImageNet's preprocessing, unless the config says another", () => {
    const config = parse(SALMAN, { dataset: folder });
    expect(config.dataset.preprocessing).toBe('Res256Crop224');
    expect(config.published?.images).toBe(5000);
    const own = parse(SALMAN, { dataset: { ...folder, preprocessing: 'Crop288' } });
    expect(own.dataset.preprocessing).toBe('Crop288');
    expect(own.published?.note).toContain('Published with images through Res256Crop224, ours through Crop288.');
    expect(parse('cifar10/Linf/Rice2020Overfitting').dataset.preprocessing).toBeUndefined();
  });

  test.each([
    ['cifar10/Linf/Rice2020Overfiting', /checkpoint\.zoo: .*nearest known is "cifar10\/Linf\/Rice2020Overfitting"/],
    ['cifar10/Linf/Kang2021Stable', /checkpoint\.zoo: .*not read from its weights: its last layers are a differential/],
    ['cifar100/Linf/Rice2020Overfitting', /is a model of cifar100, the data are cifar10/],
  ])('refuses %s', (zoo, message) => {
    expect(() => parse(zoo)).toThrow(message);
  });

  test('takes any model as an .onnx, which tells how it is read', () => {
    expect(parse('cifar10/Linf/Kang2021Stable', {}, 'model.onnx').published?.variants).toMatchObject({
      none: { clean: 93.73 },
    });
  });
});
