import type { AttackedModel, LossBatch } from './attack.ts';
import type { Ball } from './ball.ts';
import { type Ascent, Climb } from './climb.ts';
import type { LossName } from './losses.ts';

/** The climbs still under way, their iterates side by side in one array as the model wants them. */
export class ClimbBatch {
  readonly #imageSize: number;
  readonly #x: Float32Array;
  readonly #slots: readonly Float32Array[];
  readonly #climbs: Climb[] = [];

  constructor(capacity: number, imageSize: number) {
    this.#imageSize = imageSize;
    const x = new Float32Array(capacity * imageSize);
    this.#x = x;
    this.#slots = Array.from({ length: capacity }, (_, slot) => x.subarray(slot * imageSize, (slot + 1) * imageSize));
  }

  get climbs(): readonly Climb[] {
    return this.#climbs;
  }

  /** Adds a climb from the point that `start` writes. */
  add(ascent: Ascent, ball: Ball, start: (x: Float32Array) => void): void {
    const slot = this.#slots[this.#climbs.length]!;
    start(slot);
    this.#climbs.push(new Climb(ascent, ball, slot));
  }

  /** Takes out the climb in `slot`; the last one moves into the gap, so that removing is cheap. */
  remove(slot: number): void {
    const last = this.#climbs.pop()!;
    if (slot === this.#climbs.length) return;
    last.moveTo(this.#slots[slot]!);
    this.#climbs[slot] = last;
  }

  /**
   * Evaluates the loss at every iterate `samples` times and hands each climb its mean gradient. Returns the last logits
   * [climbs, classes].
   */
  async evaluate(model: AttackedModel, loss: LossName, samples: number): Promise<Float32Array> {
    const batch = this.#lossBatch();
    const streams = this.#climbs.map(({ ascent }) => ascent.stream);
    let logits: Float32Array = new Float32Array();
    for (let sample = 0; sample < samples; sample++) {
      const evaluation = await model.gradient(loss, batch, streams);
      for (const [row, climb] of this.#climbs.entries()) climb.receive(evaluation, row, sample, samples);
      logits = evaluation.logits;
    }
    return logits;
  }

  #lossBatch(): LossBatch {
    const x = this.#x.subarray(0, this.#climbs.length * this.#imageSize);
    const labels = Int32Array.from(this.#climbs, ({ ascent }) => ascent.label);
    if (this.#climbs[0]?.ascent.target === undefined) return { x, labels };
    return { x, labels, targets: Int32Array.from(this.#climbs, ({ ascent }) => ascent.target!) };
  }
}
