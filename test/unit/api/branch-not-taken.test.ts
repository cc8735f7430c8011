import { describe, expect, it } from 'vitest';
import { attack, encodeModel, GraphBuilder, keyedStream, openModel } from '../../../src/index.ts';

const SHAPE = [3, 6, 6] as const;
const [CHANNELS, HEIGHT, WIDTH] = SHAPE;
const SIZE = CHANNELS * HEIGHT * WIDTH;
const CLASSES = 5;
const COUNT = 8;

const stream = keyedStream([7, 'branch']);
const normals = (length: number) => Float32Array.from({ length }, () => stream.normal());
const [FILTERS, HEAD] = [normals(8 * CHANNELS * 9), normals(8 * CLASSES)];

/** A small CNN of x + `branch`, which is nothing for images in [0, 1]. */
function network(branch: (builder: GraphBuilder, x: string) => string): Uint8Array {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, ...SHAPE]);
  const filters = builder.constant(FILTERS, [8, CHANNELS, 3, 3]);
  const maps = builder.op('Relu', [builder.op('Conv', [branch(builder, x), filters])]);
  const pooled = builder.op('ReduceMean', [maps, builder.ints([2, 3])], { keepdims: 0 });
  return encodeModel(builder.build([builder.op('MatMul', [pooled, builder.constant(HEAD, [8, CLASSES])])]));
}

/** where(x > 1.5, log(relu(x - 1.5)), 0): a logarithm whose gradient is 0 / 0 on every image. */
function logarithmAbove(builder: GraphBuilder, x: string): string {
  const bound = builder.constant(1.5);
  const log = builder.op('Log', [builder.op('Relu', [builder.op('Sub', [x, bound])])]);
  const taken = builder.op('Where', [builder.op('Greater', [x, bound]), log, builder.constant(0)]);
  return builder.op('Add', [x, taken]);
}

async function attacked(model: Uint8Array) {
  const open = await openModel(model, { threads: 1 });
  const images = Float32Array.from({ length: COUNT * SIZE }, (_, k) => 0.1 + (0.8 * ((k * 7919) % 1009)) / 1009);
  const logits = await open.logits(images);
  const labels = Array.from({ length: COUNT }, (_, row) => {
    const own = [...logits.subarray(row * CLASSES, (row + 1) * CLASSES)];
    return own.indexOf(Math.max(...own));
  });
  const threat = { norm: 'Linf', epsilon: 0.06 } as const;
  const suite = [{ attack: 'apgd-ce', start: 'clean', iterations: 20 }] as const;
  const result = await attack(open, { images, labels, threat, suite });
  await open.release();
  return result;
}

describe('a branch that is never taken', () => {
  it('blinds no attack: the model is as robust as the same function without it', async () => {
    const [plain, trap] = [await attacked(network((_, x) => x)), await attacked(network(logarithmAbove))];
    expect(plain.robustAccuracy).toBeLessThan(1);
    expect(trap.robust).toEqual(plain.robust);
    expect(trap.checks).toEqual(plain.checks);
  });
});
