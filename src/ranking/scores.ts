/** Importance of every unit for every class: [units, classes] row-major, higher is more important. */
export interface Scores {
  readonly units: number;
  readonly classes: number;
  readonly data: Float32Array;
}

/** The `keep` most important units of a class, most important first; ties go to the lower unit. */
export function topUnits({ units, classes, data }: Scores, c: number, keep: number): number[] {
  const score = (unit: number) => data[unit * classes + c] ?? Number.NaN;
  return Array.from({ length: units }, (_, unit) => unit)
    .sort((a, b) => score(b) - score(a) || a - b)
    .slice(0, keep);
}

/** Mean over the probe images of each class, accumulated in float64: one column of [units, classes] per image. */
export class ClassMeans {
  readonly #units: number;
  readonly #classes: number;
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;

  constructor(units: number, classes: number) {
    this.#units = units;
    this.#classes = classes;
    this.#sums = new Float64Array(units * classes);
    this.#counts = new Float64Array(classes);
  }

  count(label: number): void {
    this.#counts[label]! += 1;
  }

  add(unit: number, label: number, value: number): void {
    this.#sums[unit * this.#classes + label]! += value;
  }

  /** A class without images scores zero for every unit; the diagnostics name it. */
  scores(): Scores {
    const data = Float32Array.from(this.#sums, (sum, i) => sum / Math.max(this.#counts[i % this.#classes] ?? 0, 1));
    return { units: this.#units, classes: this.#classes, data };
  }
}
