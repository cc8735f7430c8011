import { describe, expect, it } from 'vitest';
import { chanceProblem, isChance, type JudgedData, mayBeChance } from '../../../src/evaluation/chance.ts';
import type { MeteredModel } from '../../../src/evaluation/onnx-model.ts';
import { binomialTail } from '../../../src/numeric/statistics.ts';

/** Images of 2 x 2 whose class is their brightest channel; a model that says so, and forms of it that other people bring. */
const CLASSES = 3;
const SIZE = 12;
const data = (count: number, change: (value: number, channel: number) => number = (value) => value): JudgedData => ({
  count,
  imageShape: [3, 2, 2],
  labels: Int32Array.from({ length: count }, (_, image) => image % CLASSES),
  gather: async (indices) =>
    Float32Array.from({ length: indices.length * SIZE }, (_, i) => {
      const [image, channel] = [indices[Math.floor(i / SIZE)]!, Math.floor((i % SIZE) / 4)];
      return change(channel === image % CLASSES ? 0.9 : 0.2, channel);
    }),
});

function model(logit: (channels: readonly number[]) => number[]): MeteredModel {
  return {
    ...{ classes: CLASSES, imageSize: SIZE, imageShape: [3, 2, 2], randomised: false },
    usage: { forwards: 0, gradients: 0, runtimeSeconds: 0 },
    logits: async (x) =>
      Float32Array.from(
        Array.from({ length: x.length / SIZE }, (_, row) => logit([0, 4, 8].map((at) => x[row * SIZE + at]!))).flat(),
      ),
    gradient: () => Promise.reject(new Error('not asked')),
  };
}

/** By how much a label is another: three fifths of the images are of the next class, a fifth of their own. */
const shiftOf = (image: number) => [1, 1, 1, 0, 2][Math.floor(image / CLASSES) % 5]!;

const OPTIONS = { seed: 0, batchSize: 16 };
const right = model((channels) => [...channels]);

describe('a model that is no better than chance', () => {
  it.each<[string, MeteredModel, JudgedData, RegExp | undefined]>([
    ['is right', right, data(90), undefined],
    [
      'says always the same',
      model(() => [1, 0, 0]),
      data(90),
      /gets 30 of 90 clean images right, no better than chance among 3 classes: the likely causes/,
    ],
    [
      'says always the same, of too few images to end a run',
      model(() => [1, 0, 0]),
      data(63),
      /^it gets 21 of 63 clean images right, as guessing among 3 classes does: the likely causes/,
    ],
    ['says always the same, of images so few that it may be bad luck', model(() => [1, 0, 0]), data(7), undefined],
    [
      'has its classes in another order',
      model(([r = 0, g = 0, b = 0]) => [g, b, r]),
      data(90),
      /gets 0 of 90 .*90 would be right under other labels/,
    ],
    [
      'is given one label for all',
      right,
      { ...data(90), labels: new Int32Array(90) },
      /gets 30 of 90 .*: all labels are 0: are they those of the images\?/,
    ],
    [
      'is given labels of other images',
      right,
      { ...data(90), labels: Int32Array.from({ length: 90 }, (_, image) => (image % 10 === 0 ? 1 : 0)) },
      /no better than chance among 3 classes: the likely causes/,
    ],
    [
      'is right on three fifths of the images under other labels, as on inverted ones',
      right,
      { ...data(90), labels: Int32Array.from({ length: 90 }, (_, image) => image + shiftOf(image)).map((c) => c % 3) },
      /gets 18 of 90 .*: the likely causes/,
    ],
    ['wants BGR', model(([b = 0, g = 0, r = 0]) => [r, g, b]), data(90), /with red and blue swapped it gets 90 right/],
    [
      'sees images divided by 255 twice',
      right,
      data(10, (value) => value / 255),
      /no pixel of 10 images is above 0\.0035, where white is 1: they are divided by 255 twice/,
    ],
  ])('%s', async (_, asked, images, message) => {
    const problem = await chanceProblem(asked, images, OPTIONS);
    if (message === undefined) return expect(problem).toBeUndefined();
    expect(problem?.message).toMatch(message);
    expect(problem?.endsRun).toBe(images.count !== 63);
  });

  it('looks at images from all over the data, and at no more than 256', async () => {
    const asked: number[] = [];
    const large = data(100_000);
    await chanceProblem(
      right,
      {
        ...large,
        gather: (indices) => {
          asked.push(...Array.from(indices));
          return large.gather(indices);
        },
      },
      OPTIONS,
    );
    expect([asked.length, asked[0], asked.at(-1)]).toEqual([256, 0, 99_609]);
  });

  it('is told by the exact binomial test', () => {
    // scipy.stats.binom.sf(k - 1, n, p)
    expect(binomialTail(16, 100, 0.1)).toBeCloseTo(0.0398905271, 7);
    expect(binomialTail(33, 256, 0.1)).toBeCloseTo(0.0789164851, 8);
    expect(binomialTail(0, 10, 0.5)).toBe(1);
    expect(binomialTail(1000, 10_000, 0.1)).toBeCloseTo(0.5048759163, 8);
    expect([isChance(18, 100, 10), isChance(19, 100, 10), isChance(0, 63, 10)]).toEqual([true, false, false]);
    const few = [
      [0, 8, 10],
      [6, 63, 10],
      [7, 63, 10],
      [0, 7, 10],
      [0, 64, 10],
    ] as const;
    expect(few.map(([correct, images, classes]) => mayBeChance(correct, images, classes))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
