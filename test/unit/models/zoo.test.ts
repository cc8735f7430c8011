import { describe, expect, test } from 'vitest';
import { openModel } from '../../../src/api/open-model.ts';
import { ConfigError } from '../../../src/errors.ts';
import { ARCHITECTURES } from '../../../src/models/architectures/table.ts';
import { type ClassifierSpec, openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import type { ReadingFact } from '../../../src/schemas/reading.ts';
import { ZOO_NETWORKS } from '../../../src/schemas/zoo/networks.ts';

/** A CIFAR ResNet-18, as some of the zoo's are. */
const PATH = 'examples/demo/shapes10-rn18-w8.pt';
const SEHWAG = 'cifar10/Linf/Sehwag2021Proxy_R18';
const ENGSTROM = 'cifar10/Linf/Engstrom2019Robustness';

const fact = (facts: readonly ReadingFact[], wanted: string) => facts.find(({ key }) => key === wanted);

test('the table names architectures that igd reads', () => {
  const known = new Set(ARCHITECTURES.map(({ name }) => name));
  const named = Object.values(ZOO_NETWORKS).flatMap((network) => (network.kind === 'read' ? [network.model] : []));
  for (const { architecture } of named) expect(known).toContain(architecture);
});

describe("a file read as the zoo's table says", () => {
  test('has its choices from there', async () => {
    const { reading } = await openClassifier({ path: PATH, zoo: SEHWAG });
    expect(fact(reading, 'activation')).toEqual({ key: 'activation', value: 'relu', source: 'zoo' });
    expect(fact(reading, 'normalization')).toEqual({ key: 'normalization', value: 'none', source: 'zoo' });
    const inNumbers = await openClassifier({ path: PATH, zoo: ENGSTROM });
    expect(fact(inNumbers.reading, 'normalization')).toEqual({
      key: 'normalization',
      value: 'mean [0.4914, 0.4822, 0.4465], std [0.2023, 0.1994, 0.201]',
      source: 'zoo',
    });
  });

  test('by the library as well', async () => {
    await using model = await openModel(PATH, { zoo: SEHWAG });
    expect(fact(model.reading, 'activation')?.source).toBe('zoo');
  });

  test('says that it is of another size than the model', async () => {
    const notesOf = async (zoo: string) => (await openClassifier({ path: PATH, zoo })).notes;
    expect(await notesOf(ENGSTROM)).toEqual(["the zoo's model is a ResNet-50: is this its file?"]);
    expect(await notesOf(SEHWAG)).toEqual([]);
  });

  test('may be said again by the user, and nothing else', async () => {
    const { reading } = await openClassifier({ path: PATH, zoo: SEHWAG, model: { activation: 'relu' } });
    expect(fact(reading, 'activation')?.source).toBe('stated');
    const statistics = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
    await openClassifier({ path: PATH, zoo: ENGSTROM, normalize: statistics });
  });

  test.each<[what: string, options: Partial<ClassifierSpec>, message: RegExp | typeof ConfigError]>([
    ['an activation', { zoo: SEHWAG, model: { activation: 'silu' } }, /activation silu, but the zoo's model has relu/],
    ['a normalisation', { zoo: SEHWAG, model: { normalization: 'cifar10' } }, /normalization cifar10, but .* has none/],
    ['numbers for a name', { zoo: SEHWAG, normalize: { mean: [0, 0, 0], std: [1, 1, 2] } }, /and none as well/],
    ['other numbers', { zoo: ENGSTROM, normalize: { mean: [0, 0, 0], std: [1, 1, 1] } }, /std \[0\.2023, .* as well/],
    ['a name for numbers', { zoo: ENGSTROM, model: { normalization: 'cifar10' } }, /and cifar10 as well/],
    ['an architecture', { zoo: SEHWAG, model: { architecture: 'wide-resnet' } }, /the zoo's model is a cifar-resnet/],
    ['a state dict', { zoo: 'cifar10/Linf/Andriushchenko2020Understanding', stateDict: 'best' }, /is under "last"/],
    ['a file of another architecture', { zoo: 'cifar10/Linf/Carmon2019Unlabeled' }, /not the weights of wide-resnet/],
    [
      'one network of six',
      { zoo: 'cifar10/corruptions/Diffenderfer2021Winning_LRR_CARD_Deck' },
      /a file for each of models\.0, .*igd join models\.0=M0 /,
    ],
    ['a model that is not read', { zoo: 'cifar10/Linf/Kang2021Stable' }, /not read from its weights/],
    ['an id that is none', { zoo: 'cifar10/Linf/Sehwag' }, ConfigError],
    ['a name of two', { zoo: 'Sehwag2021Proxy_R18' }, /it has "cifar10\/Linf\/Sehwag2021Proxy_R18" and "cifar10\/L2/],
    [
      'a model of other classes',
      { zoo: 'cifar100/Linf/Addepalli2022Efficient_RN18' },
      /has 10 classes, the zoo's model 100/,
    ],
  ])('is refused for %s', async (_, options, message) => {
    await expect(openClassifier({ path: PATH, ...options })).rejects.toThrow(message);
  });
});

test("every architecture of the zoo's table is one that igd reads", () => {
  const known = new Set(ARCHITECTURES.map(({ name }) => name));
  const named = Object.values(ZOO_NETWORKS).flatMap((network) =>
    network.kind === 'read' ? [network.model.architecture] : [],
  );
  expect(named.filter((name) => name === undefined || !known.has(name))).toEqual([]);
});
