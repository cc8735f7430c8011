import { InputError } from '../../errors.ts';
import { firstStatistics, statisticsModel } from '../../models/norm-statistics.ts';
import type { Readable, ReadingOptions, ReadNetwork } from '../../models/readable.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import { misfitOf, type NormDeviation, normDeviations, type TestimonyImages } from './deviations.ts';
import { blockReadings, normalizations } from './rivals.ts';

/** A reading, and how far it leaves the BatchNorms from what they saw in training. */
export interface Judged {
  readonly options: ReadingOptions;
  readonly reading: ReadNetwork['reading'];
  /** Of every BatchNorm, in the order in which they are computed. */
  readonly deviations: readonly NormDeviation[];
  readonly misfit: number;
}

/** Nearer than this, a reading fits and no other is looked for. */
export const CLEAR = 0.15;
/** Readings whose misfits are apart by less than this factor are equally near: so far apart they were on other images of a data set. */
export const EQUAL = 1.5;
const MOST_EQUAL = 3;
/** Normalisations that the first BatchNorm does not tell apart, and how many of them are followed. */
const UNDECIDED = { factor: 2, most: 4 } as const;

/** Readings of one model, judged on the same images, each once. */
export class ReadingTrial {
  readonly #readable: Readable;
  readonly #images: TestimonyImages;
  readonly #runtime: Runtime;
  readonly #judged = new Map<string, Promise<Judged>>();

  constructor(readable: Readable, images: TestimonyImages, runtime: Runtime) {
    this.#readable = readable;
    this.#images = images;
    this.#runtime = runtime;
  }

  /** One forward pass. Throws InputError where the options do not go with the model. */
  async judge(options: ReadingOptions): Promise<Judged> {
    return this.#judge(options, this.#readable.read(options));
  }

  /**
   * The readings that fit best, equally well, those first that change least; none where the stated one is among them.
   * Normalisations are told by the first BatchNorm, which no activation is in front of; where none of those left fits by
   * itself, every reading of the blocks is tried behind each.
   */
  async nearest(): Promise<Judged[]> {
    const stated = await this.judge(this.#readable.options);
    const starts = await this.#normalizationsFrom(stated);
    const judged = await this.#judgeAll(starts);
    if (judged.every(({ misfit }) => misfit > CLEAR)) await this.#judgeAll(starts.flatMap(blockReadings));
    const all = (await Promise.all(this.#judged.values())).sort((a, b) => a.misfit - b.misfit);
    const equal = all.filter(({ misfit }) => misfit <= EQUAL * all[0]!.misfit);
    if (equal.includes(stated)) return [];
    const changes = (one: Judged) => changedFacts(stated, one).length;
    return equal.sort((a, b) => changes(a) - changes(b) || a.misfit - b.misfit).slice(0, MOST_EQUAL);
  }

  /** What the first BatchNorm leaves of them, all else as stated. */
  async #normalizationsFrom(stated: Judged): Promise<ReadingOptions[]> {
    const { options, deviations } = stated;
    if (misfitOf(deviations.slice(0, 1)) <= CLEAR) return [options];
    const tried: { options: ReadingOptions; misfit: number }[] = [];
    for (const rival of [options, ...normalizations(options, this.#images.imageShape[0])]) {
      const network = this.#tried(rival);
      if (network === undefined) continue;
      const first = await this.#deviations(network, true);
      tried.push({ options: rival, misfit: misfitOf(first) });
    }
    tried.sort((a, b) => a.misfit - b.misfit);
    const near = tried.filter(({ misfit }) => misfit <= UNDECIDED.factor * tried[0]!.misfit);
    return near.slice(0, UNDECIDED.most).map(({ options }) => options);
  }

  /** Undefined where the model cannot be read so: it lacks the choice, or its file has decided it. */
  #tried(options: ReadingOptions): ReadNetwork | undefined {
    try {
      return this.#readable.read(options);
    } catch (error) {
      if (error instanceof InputError) return undefined;
      throw error;
    }
  }

  /** Those that the model can be read by, one after the other: each has a session. */
  async #judgeAll(readings: readonly ReadingOptions[]): Promise<Judged[]> {
    const judged: Judged[] = [];
    for (const options of readings) {
      const network = this.#tried(options);
      if (network !== undefined) judged.push(await this.#judge(options, network));
    }
    return judged;
  }

  #judge(options: ReadingOptions, network: ReadNetwork): Promise<Judged> {
    const key = keyOf(network);
    const known = this.#judged.get(key);
    if (known !== undefined) return known;
    const judged = this.#deviations(network, false).then((deviations) => ({
      ...{ options, reading: network.reading, deviations, misfit: misfitOf(deviations) },
    }));
    this.#judged.set(key, judged);
    return judged;
  }

  #deviations({ model }: ReadNetwork, onlyFirst: boolean): Promise<NormDeviation[]> {
    const all = statisticsModel(model);
    return normDeviations(onlyFirst ? firstStatistics(all) : all, this.#images, this.#runtime);
  }
}

function keyOf({ reading }: Pick<ReadNetwork, 'reading'>): string {
  return JSON.stringify(reading.map(({ key, value }) => [key, value]));
}

/** What one reading has otherwise than another. */
export function changedFacts(stated: Judged, other: Judged): Judged['reading'] {
  const before = new Map(stated.reading.map(({ key, value }) => [key, value]));
  return other.reading.filter(({ key, value }) => before.get(key) !== value);
}
