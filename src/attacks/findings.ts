import type { AttackPoints, Candidates } from './attack.ts';

/** What an attack has found so far: clean images, replaced row by row as they break. */
export class Findings implements Candidates {
  readonly x: Float32Array;
  readonly broken: Uint8Array;
  readonly #imageSize: number;
  #count = 0;

  constructor(points: AttackPoints, imageSize: number) {
    this.x = points.x.slice();
    this.broken = new Uint8Array(points.images.length);
    this.#imageSize = imageSize;
  }

  /** Images broken so far. */
  get count(): number {
    return this.#count;
  }

  /** Rows not broken yet, in order. */
  get standing(): number[] {
    return [...this.broken.keys()].filter((row) => this.broken[row] === 0);
  }

  /** Keeps `x` as the adversarial example of a row, in the place of an earlier one. */
  record(row: number, x: Float32Array): void {
    this.x.set(x, row * this.#imageSize);
    if (this.broken[row] === 0) this.#count++;
    this.broken[row] = 1;
  }
}
