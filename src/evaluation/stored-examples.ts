import type { Attack } from '../attacks/core/attack.ts';

/** An image and what is to be tried on it. */
export interface StoredExample {
  /** Index in the data set. */
  readonly image: number;
  /** [imageSize] */
  readonly x: Float32Array;
}

/**
 * Examples that were made elsewhere, as an attack that has nothing to ask: the protocol evaluates each on the model, as it
 * does whatever an attack claims.
 */
export function storedExamples(name: string, examples: readonly StoredExample[]): Attack {
  const byImage = new Map(examples.map(({ image, x }) => [image, x]));
  return {
    name,
    cost: () => ({ forwards: 0, gradients: 0 }),
    async run({ x: clean, images }, { model }) {
      const x = clean.slice();
      const broken = new Uint8Array(images.length);
      for (const [row, image] of images.entries()) {
        const example = byImage.get(image);
        if (example === undefined) continue;
        x.set(example, row * model.imageSize);
        broken[row] = 1;
      }
      return { x, broken };
    },
  };
}
