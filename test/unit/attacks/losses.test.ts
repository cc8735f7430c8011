import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOSS_NAMES, LOSSES, type LossName } from '../../../src/attacks/core/losses.ts';
import { appendLoss } from '../../../src/evaluation/onnx-model.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { appendGradient } from '../../../src/onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import type { Model } from '../../../src/onnx/graph.ts';
import type { Session } from '../../../src/onnx/runtime.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { logitLoss } from './logit-losses.ts';

/** PyTorch's own values and gradients: see make-losses.py beside the fixture. Rows are images. */
interface Fixture {
  readonly logits: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly targets: readonly number[];
  readonly references: readonly (readonly number[])[];
  readonly weights: readonly number[];
  readonly losses: Readonly<Record<LossName, { values: readonly number[]; gradients: readonly (readonly number[])[] }>>;
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/attacks/losses.json', import.meta.url), 'utf8'),
);
const count = fixture.labels.length;
const classes = fixture.logits[0]!.length;

describe.each(LOSS_NAMES)('%s', (name) => {
  const expected = fixture.losses[name];
  let session: Session;
  beforeAll(async () => {
    session = await onnxRuntime().createSession(lossModel(name));
  });
  afterAll(() => session.release());

  it('has the values and the gradients of PyTorch, ties and mistakes included', async () => {
    const feeds = {
      targets: float32([count], fixture.targets),
      references: float32([count, classes], fixture.references.flat()),
      weights: float32([count], fixture.weights),
    };
    const { values, gradients } = await session.run({
      logits: float32([count, classes], fixture.logits.flat()),
      labels: float32([count], fixture.labels),
      ...Object.fromEntries(LOSSES[name].takes.map((parameter) => [parameter, feeds[parameter]])),
    });
    for (let row = 0; row < count; row++) {
      expectClose(values!.data.subarray(row, row + 1), [expected.values[row]!], `value ${row}`);
      const gradient = gradients!.data.subarray(row * classes, (row + 1) * classes);
      expectClose(gradient, expected.gradients[row]!, `gradient ${row}`);
    }
  });

  it('is what the tests write out by hand', () => {
    for (const [row, logits] of fixture.logits.entries()) {
      const parameters = {
        target: fixture.targets[row]!,
        reference: Float32Array.from(fixture.references[row]!),
        weight: fixture.weights[row]!,
      };
      const { value, gradient } = logitLoss(name, logits, fixture.labels[row]!, parameters);
      expectClose([value], [expected.values[row]!], `value ${row}`);
      expectClose(gradient, expected.gradients[row]!, `gradient ${row}`);
    }
  });

  it('refuses no model of its fewest classes', () => {
    const builder = new GraphBuilder();
    const logits = builder.input('logits', [{ batch: 1 }, LOSSES[name].minClasses]);
    expect(builder.shape(appendLoss(builder, name, logits))).toEqual([{ batch: 1 }]);
  });
});

function lossModel(name: LossName): Model {
  const builder = new GraphBuilder();
  const logits = builder.input('logits', [{ batch: 1 }, classes]);
  const values = appendLoss(builder, name, logits);
  const ones = builder.op('Expand', [builder.constant(1), builder.op('Shape', [values])]);
  const gradients = appendGradient(builder, values, ones, logits);
  builder.op('Identity', [values], {}, { outputs: ['values'] });
  builder.op('Identity', [gradients], {}, { outputs: ['gradients'] });
  return builder.build(['values', 'gradients'], name);
}

/** To float32 rounding, relative to the largest entry. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  const gap = Math.max(...expected.map((value, k) => Math.abs(actual[k]! - value)));
  expect(gap / scale, what).toBeLessThan(1e-6);
}
