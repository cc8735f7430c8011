import { expect } from 'vitest';
import { type attack, InputError, type OpenModel, openModel, readImages } from '../../../src/index.ts';
import { golden } from '../../support/golden.ts';

export const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';

/** The demo's model. */
export const demoModel = (): Promise<OpenModel> => openModel(CHECKPOINT, { threads: 1 });

/** The first images of the demo's test set. */
export const testImages = (count: number) => readImages('examples/demo/test.bin', { count });

export const LINF = { norm: 'Linf', epsilon: 8 / 255 } as const;

/** A float32 fixture of the demo's model, written by PyTorch. */
export const fixture = (name: string): Float32Array => golden(`test/fixtures/shapes10/${name}.npy`).data;

/** The masks of a layer as scores, [units, classes]: the units a class keeps score 1. */
export function scoresOfMasks(layer: string): Float32Array {
  const { dims, data } = golden(`test/fixtures/shapes10/${layer}.masks.npy`);
  const [classes = 0, units = 0] = dims;
  return Float32Array.from(
    { length: data.length },
    (_, i) => data[(i % classes) * units + Math.floor(i / classes)] ?? 0,
  );
}

/** Expects an error of ours about the caller's input: one line that says what was wrong. */
export async function expectRefusal(refused: () => unknown, message: RegExp): Promise<void> {
  const error: unknown = await Promise.resolve()
    .then(refused)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InputError);
  expect((error as InputError).message).toMatch(message);
  expect((error as InputError).message).not.toContain('\n');
}

/** What of an attack's result does not depend on clocks. */
export function lasting({ usage, ...result }: Awaited<ReturnType<typeof attack>>) {
  return { ...result, usage: usage.map(({ attack: name, gradients }) => ({ name, gradients })) };
}
