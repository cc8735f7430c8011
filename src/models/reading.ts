import { CheckpointError, ConfigError } from '../errors.ts';
import type { ModelOptions } from '../schemas/model-options.ts';
import type { ReadingFact, ReadingSource } from '../schemas/reading.ts';

/** What is known of a model beside its weights: said by its user, and found in its file. */
export interface ReadingEvidence {
  readonly stated?: ModelOptions | undefined;
  readonly file?: ModelOptions | undefined;
}

type Option = keyof ModelOptions;
type Value<K extends Option> = NonNullable<ModelOptions[K]>;

/**
 * How one checkpoint is read where its weights do not tell. An architecture asks for each choice that it has; what was
 * decided, and by whom, is kept for the user to see.
 */
export class Reading {
  readonly #stated: ModelOptions;
  readonly #file: ModelOptions;
  readonly #facts = new Map<string, ReadingFact>();
  readonly #asked = new Set<string>(['architecture']);

  constructor({ stated = {}, file = {} }: ReadingEvidence = {}) {
    this.#stated = stated;
    this.#file = file;
  }

  /**
   * The value of an option: what the user states, else what the file says, else the architecture's `usual`. Throws
   * CheckpointError where user and file disagree.
   */
  choose<K extends Option>(key: K, usual: Value<K>): Value<K> {
    const { [key]: stated } = this.#stated;
    const { [key]: file } = this.#file;
    if (stated !== undefined && file !== undefined && stated !== file) {
      throw new CheckpointError(
        `is said to have ${key} ${stated}, but its own classes have ${file}: state "${file}", or nothing`,
      );
    }
    this.#asked.add(key);
    const source = stated !== undefined ? 'stated' : file !== undefined ? 'file' : 'assumed';
    const value = (stated ?? file ?? usual) as Value<K>;
    this.note(key, String(value), source);
    return value;
  }

  /** What the weights themselves show: an activation with parameters of its own. Throws CheckpointError against what is stated. */
  found<K extends Option>(key: K, value: Value<K>, shown: string): void {
    this.#asked.add(key);
    const { [key]: stated } = this.#stated;
    if (stated !== undefined && stated !== value)
      throw new CheckpointError(`is said to have ${key} ${stated}, but its weights show another: ${shown}`);
    this.note(key, shown, 'weights');
  }

  /** What the user says of an option that something else decides. */
  stated<K extends Option>(key: K): ModelOptions[K] {
    this.#asked.add(key);
    return this.#stated[key];
  }

  /** Something that was decided elsewhere. */
  note(key: string, value: string, source: ReadingSource): void {
    this.#facts.set(key, { key, value, source });
  }

  facts(): readonly ReadingFact[] {
    return [...this.#facts.values()];
  }

  /** Throws ConfigError where an option is stated that `architecture` has no use for: it would change nothing, silently. */
  requireAllAsked(architecture: string): void {
    const idle = Object.keys(this.#stated).filter((key) => !this.#asked.has(key) && isGiven(this.#stated, key));
    if (idle.length === 0) return;
    throw new ConfigError(
      `model: ${architecture} has no choice of ${idle.join(', ')}: leave it out (its choices are ${[...this.#asked].join(', ')})`,
    );
  }
}

function isGiven(options: ModelOptions, key: string): boolean {
  return Object.entries(options).some(([name, value]) => name === key && value !== undefined);
}
