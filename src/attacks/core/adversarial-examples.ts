import type { AttackPoints, Candidates } from './attack.ts';

/** The broken rows and their examples, one after the other. */
export interface SavedExamples {
  readonly broken: Uint8Array;
  readonly examples: Float32Array;
  /** States of the first edition have none. */
  readonly unpredicted?: Uint8Array;
}

/** What an attack has found so far: clean images, replaced row by row as they break. */
export class AdversarialExamples implements Candidates {
  readonly x: Float32Array;
  readonly broken: Uint8Array;
  readonly unpredicted: Uint8Array;
  readonly #imageSize: number;
  #count = 0;

  constructor(points: AttackPoints, imageSize: number, saved?: SavedExamples) {
    this.x = points.x.slice();
    this.broken = new Uint8Array(points.images.length);
    this.unpredicted = saved?.unpredicted?.slice() ?? new Uint8Array(points.images.length);
    this.#imageSize = imageSize;
    if (saved !== undefined) this.#restore(saved);
  }

  /** Images broken so far. */
  get count(): number {
    return this.#count;
  }

  /** Keeps `x` as the adversarial example of a row, in the place of an earlier one. */
  record(row: number, x: Float32Array): void {
    this.x.set(x, row * this.#imageSize);
    if (this.broken[row] === 0) this.#count++;
    this.broken[row] = 1;
  }

  save(): SavedExamples {
    const size = this.#imageSize;
    const examples = new Float32Array(this.#count * size);
    for (const [i, row] of this.#brokenRows(this.broken).entries())
      examples.set(this.x.subarray(row * size, (row + 1) * size), i * size);
    return { broken: this.broken, examples, unpredicted: this.unpredicted };
  }

  #restore({ broken, examples }: SavedExamples): void {
    const size = this.#imageSize;
    for (const [i, row] of this.#brokenRows(broken).entries())
      this.record(row, examples.subarray(i * size, (i + 1) * size));
  }

  #brokenRows(broken: Uint8Array): number[] {
    return [...broken.keys()].filter((row) => broken[row] === 1);
  }
}
