import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../../src/datasets/open.ts';
import { topUnitMasks } from '../../../../src/defense/mask-set.ts';
import { imageShifts, type ShiftInputs, shiftTable } from '../../../../src/evaluation/analysis/activation-shift.ts';
import { openActivations } from '../../../../src/evaluation/analysis/activations.ts';
import { predictedClasses } from '../../../../src/evaluation/predict.ts';
import { layerOf } from '../../../../src/models/classifier.ts';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { float32, toNumbers } from '../../../../src/numeric/tensor.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { UNIT_GROUPS } from '../../../../src/schemas/analysis.ts';
import { golden, largestError } from '../../../support/golden.ts';
import { describeWithShared } from '../../../support/shared.ts';

/** Two classes of two units each, one shared unit, one unit of a third class, one of nobody. */
const MASKS = float32(
  [3, 5],
  [
    ...[1, 1, 0, 0, 0],
    ...[0, 1, 1, 0, 0], // unit 1 matters to classes 0 and 1
    ...[1, 0, 0, 1, 0], // unit 3 to class 2 alone, unit 4 to none
  ],
);

function inputsOf(changes: Partial<ShiftInputs> = {}): ShiftInputs {
  return {
    before: Float32Array.of(1, 3, 2, 4, 5),
    after: Float32Array.of(0.5, 2.5, 4, 5, 5.5),
    labels: [0],
    predictionsBefore: [0],
    predictionsAfter: [1],
    masks: MASKS,
    ...changes,
  };
}

describe('activation shift', () => {
  test('is the change of the mean over the mean before, per group', () => {
    const { successful, unsuccessful } = shiftTable(imageShifts(inputsOf()));
    expect(successful.images).toBe(1);
    expect(unsuccessful.images).toBe(0);
    const shifts = UNIT_GROUPS.map((group) => successful.groups[group]?.shift);
    // Units {0, 1}: (3 - 4) / 4; {1, 2}: (6.5 - 5) / 5; {3}: (5 - 4) / 4; {4}: (5.5 - 5) / 5.
    expect(shifts).toEqual([-0.25, 0.3, 0.25, expect.closeTo(0.1, 6)]);
    expect(UNIT_GROUPS.map((group) => successful.groups[group]?.units)).toEqual([2, 2, 1, 1]);
  });

  test('has no post-attack class of its own after an unsuccessful attack', () => {
    const { successful, unsuccessful } = shiftTable(imageShifts(inputsOf({ predictionsAfter: [0] })));
    expect(successful.images).toBe(0);
    expect(successful.groups.trueClass).toEqual({
      shift: null,
      standardError: null,
      median: null,
      images: 0,
      units: 0,
    });
    expect(unsuccessful.groups.postAttackClass).toBeNull();
    // Units 2 and 3 are important to others: (9 - 6) / 6.
    expect(unsuccessful.groups.otherClasses?.shift).toBe(0.5);
  });

  test('leaves out images that were wrong before the attack', () => {
    expect(imageShifts(inputsOf({ predictionsBefore: [2] }))).toEqual([]);
  });

  test('is the mean of ratios, not the ratio of means', () => {
    const twice = inputsOf({
      before: Float32Array.of(1, 1, 1, 1, 1, 9, 9, 9, 9, 9),
      after: Float32Array.of(3, 3, 3, 3, 3, 9, 9, 9, 9, 9),
      labels: [0, 0],
      predictionsBefore: [0, 0],
      predictionsAfter: [1, 1],
    });
    const { trueClass } = shiftTable(imageShifts(twice)).successful.groups;
    expect(trueClass?.shift).toBe(1); // (2 + 0) / 2, where the means say 2 / 10
    expect([trueClass?.standardError, trueClass?.median]).toEqual([1, 1]);
  });

  test('leaves an image without such units, or silent before, out of that mean alone', () => {
    const silent = shiftTable(imageShifts(inputsOf({ before: Float32Array.of(1, 3, 2, 4, 0) })));
    expect(silent.successful.groups.unimportant).toEqual({
      shift: null,
      standardError: null,
      median: null,
      images: 0,
      units: 1,
    });
    expect(silent.successful.groups.trueClass?.images).toBe(1);
    const everyUnit = float32([3, 5], new Float32Array(15).fill(1));
    const { otherClasses, unimportant } = shiftTable(imageShifts(inputsOf({ masks: everyUnit }))).successful.groups;
    expect([otherClasses?.images, unimportant?.images, otherClasses?.units]).toEqual([0, 0, 0]);
  });

  test('does not see the scale of activations, is zero where nothing changes, and is a mean over images', () => {
    const activation = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 15, maxLength: 15 });
    const labels = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(activation, activation, labels, labels, fc.constantFrom(0.125, 0.5, 2, 64), (a, b, y, p, scale) => {
        const inputs = inputsOf({
          before: Float32Array.from(a),
          after: Float32Array.from(b),
          labels: y,
          predictionsBefore: y,
          predictionsAfter: p,
        });
        const images = imageShifts(inputs);
        // A power of two scales float32 without rounding.
        const scaled = { before: inputs.before.map((v) => scale * v), after: inputs.after.map((v) => scale * v) };
        expect(imageShifts({ ...inputs, ...scaled })).toEqual(images);
        const still = imageShifts({ ...inputs, after: inputs.before });
        for (const { groups } of still) for (const group of Object.values(groups)) expect(group?.shift ?? 0).toBe(0);
        // Doubling everything is a shift of +100% for every unit, whatever the groups.
        const doubled = imageShifts({ ...inputs, after: inputs.before.map((v) => 2 * v) });
        for (const { groups } of doubled) for (const group of Object.values(groups)) expect(group?.shift ?? 1).toBe(1);
        const table = shiftTable(images);
        expect(table.successful.images + table.unsuccessful.images).toBe(3);
        expect(shiftTable([...images, ...images]).successful.groups.trueClass?.shift ?? 0).toBeCloseTo(
          table.successful.groups.trueClass?.shift ?? 0,
          10,
        );
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

describeWithShared('activation shift against PyTorch', (reference) => {
  const goldens = (name: string) => golden(join(reference, 'goldens', `rn18-w16.${name}.npy`)).data;
  const classes = (name: string) => {
    const path = join(reference, 'goldens', `rn18-w16.shift.${name}.npy`);
    return toNumbers(decodeNpy(readFileSync(path), path));
  };

  test('activations, predictions and the table, within 1e-4', async () => {
    const classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
    const layer = layerOf(classifier, 'layer4');
    const path = join(reference, 'cifar10/test_1000.bin');
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: 64 });
    const scores = { units: 128, classes: 10, data: goldens('loir.layer4.scores') };
    const masks = topUnitMasks(scores, 16);
    const reader = await openActivations(classifier, layer, onnxRuntime({ threads: 2 }));
    const before = await reader.read(await data.pixels(0, 64), 24);
    const after = await reader.read(goldens('shift.x_adv'), 24);
    await reader.release();

    expect(largestError(before.activations, goldens('shift.pre_activation'))).toBeLessThan(1e-4);
    expect(largestError(after.activations, goldens('shift.post_activation'))).toBeLessThan(1e-4);
    const predictionsBefore = predictedClasses(before.logits, 10);
    const predictionsAfter = predictedClasses(after.logits, 10);
    expect([...predictionsBefore]).toEqual(classes('pre_pred'));
    expect([...predictionsAfter]).toEqual(classes('post_pred'));

    const common = { labels: data.labels, predictionsBefore, predictionsAfter, masks };
    const ours = shiftTable(imageShifts({ ...common, before: before.activations, after: after.activations }));
    const expected = publicCode({
      before: goldens('shift.pre_activation'),
      after: goldens('shift.post_activation'),
      labels: [...data.labels],
      predictionsBefore: classes('pre_pred'),
      predictionsAfter: classes('post_pred'),
      // The units as PyTorch's side chose them, not as our ranking does.
      important: topRows(goldens('loir.layer4.masks_k16'), 10),
    });
    expect(ours.successful.images).toBe(expected.successful.count);
    expect(ours.unsuccessful.images).toBe(expected.unsuccessful.count);
    expect(expected.successful.count).toBeGreaterThan(10);
    expect(expected.unsuccessful.count).toBeGreaterThan(10);
    for (const outcome of ['successful', 'unsuccessful'] as const)
      for (const group of UNIT_GROUPS) {
        const cell = ours[outcome].groups[group];
        if (cell === null) continue;
        expect(Math.abs((cell.shift ?? Number.NaN) - expected[outcome][group]), `${outcome} ${group}`).toBeLessThan(
          1e-4,
        );
        expect(cell.images).toBe(expected[outcome].count);
      }
    // What the paper finds holds here as well: a successful attack lowers the true class's units and raises the other's.
    expect(ours.successful.groups.trueClass?.shift).toBeLessThan(0);
    expect(ours.successful.groups.postAttackClass?.shift).toBeGreaterThan(0);
  });
});

function topRows(masks: Float32Array, count: number): number[][] {
  const units = masks.length / count;
  return Array.from({ length: count }, (_, c) =>
    Array.from({ length: units }, (_unused, unit) => unit).filter((unit) => masks[c * units + unit] === 1),
  );
}

/** The arithmetic of analysis.py in its own order: one image after the other, four running sums, divided by the count. */
function publicCode({
  before,
  after,
  labels,
  predictionsBefore,
  predictionsAfter,
  important,
}: {
  before: Float32Array;
  after: Float32Array;
  labels: number[];
  predictionsBefore: number[];
  predictionsAfter: number[];
  important: number[][];
}) {
  const units = before.length / labels.length;
  const fresh = () => ({ trueClass: 0, postAttackClass: 0, otherClasses: 0, unimportant: 0, count: 0 });
  const sums = { successful: fresh(), unsuccessful: fresh() };
  for (const [i, label] of labels.entries()) {
    if (predictionsBefore[i] !== label) continue;
    const adversarial = predictionsAfter[i]!;
    const sum = adversarial === label ? sums.unsuccessful : sums.successful;
    const everyone = new Set(important.flat());
    const others = new Set(everyone);
    for (const unit of [...important[label]!, ...important[adversarial]!]) others.delete(unit);
    const nobody = Array.from({ length: units }, (_, unit) => unit).filter((unit) => !everyone.has(unit));
    const change = (group: Iterable<number>) => {
      const [pre, post] = [before, after].map((values) => [...group].map((unit) => values[i * units + unit]!));
      const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      return mean(pre!.map((value, u) => -value + post![u]!)) / mean(pre!);
    };
    sum.trueClass += change(important[label]!);
    sum.postAttackClass += change(important[adversarial]!);
    sum.otherClasses += change(others);
    sum.unimportant += change(nobody);
    sum.count += 1;
  }
  const divided = (sum: ReturnType<typeof fresh>) => ({
    trueClass: sum.trueClass / sum.count,
    postAttackClass: sum.postAttackClass / sum.count,
    otherClasses: sum.otherClasses / sum.count,
    unimportant: sum.unimportant / sum.count,
    count: sum.count,
  });
  return { successful: divided(sums.successful), unsuccessful: divided(sums.unsuccessful) };
}
