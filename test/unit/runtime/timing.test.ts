import { expect, test } from 'vitest';
import { timePasses } from '../../../src/runtime/timing.ts';

/** A device that takes so many milliseconds an image, and as many more for the first pass of a shape. */
async function timedOn(perImage: number, setUp: number) {
  let now = 0;
  const shapes = new Set<number>();
  const pass = async (images: number) => {
    now += perImage * images + (shapes.has(images) ? 0 : setUp);
    shapes.add(images);
  };
  const timing = await timePasses(pass, () => now);
  return { ...timing, total: now };
}

test('a fast device is timed on many images, without what sets it up', async () => {
  const { images, milliseconds, total } = await timedOn(0.01, 40);
  expect(images).toBe(512);
  expect(milliseconds).toBeCloseTo(5.12, 6);
  expect(total).toBeLessThan(1000);
});

test.each([0.5, 3, 40, 170, 400, 480])(
  'one that takes %d ms an image is timed for about a second',
  async (perImage) => {
    const { images, milliseconds, total } = await timedOn(perImage, perImage);
    expect(milliseconds).toBeCloseTo(perImage * images, 6);
    expect(total).toBeLessThan(3000);
    // Time is used: on the way there it is at least a fifth of a second, or all images.
    expect(total).toBeGreaterThan(200);
  },
);

test('one that takes seconds is timed once', async () => {
  expect(await timedOn(8000, 0)).toEqual({ images: 1, milliseconds: 8000, total: 8000 });
});
