import { CheckpointError, ConfigError } from '../errors.ts';
import type { ModelOptions } from '../schemas/model-options.ts';
import type { ReadingFact, ReadingSource } from '../schemas/reading.ts';

/** What is known of a model beside its weights: said by its user, by the table of a zoo, and found in its file. */
export interface ReadingEvidence {
  readonly stated?: ModelOptions | undefined;
  readonly zoo?: ModelOptions | undefined;
  readonly file?: ModelOptions | undefined;
  /** What is usual of the architecture, where that differs from most. */
  readonly usual?: ModelOptions | undefined;
  /** Options that were decided before there was a network to ask. */
  readonly decided?: readonly (keyof ModelOptions)[];
}

type Option = keyof ModelOptions;
type Value<K extends Option> = NonNullable<ModelOptions[K]>;

/**
 * How one checkpoint is read where its weights do not tell. An architecture asks for each choice that it has; what was
 * decided, and by whom, is kept for the user to see.
 */
export class Reading {
  readonly #stated: ModelOptions;
  readonly #zoo: ModelOptions;
  readonly #file: ModelOptions;
  readonly #usual: ModelOptions;
  readonly #facts = new Map<string, ReadingFact>();
  readonly #asked: Set<string>;

  constructor({ stated = {}, zoo = {}, file = {}, usual = {}, decided = [] }: ReadingEvidence = {}) {
    this.#stated = stated;
    this.#zoo = zoo;
    this.#file = file;
    this.#usual = usual;
    this.#asked = new Set([...decided, 'testimony']);
  }

  /**
   * The value of an option: what the user states, else what the zoo's table or the file says, else the architecture's `usual`.
   * Throws CheckpointError where two of them disagree.
   */
  choose<K extends Option>(key: K, usual: Value<K>): Value<K> {
    const said = this.stated(key);
    const { [key]: file } = this.#file;
    const bySource = this.#stated[key] !== undefined ? 'stated' : 'zoo';
    if (said !== undefined && file !== undefined && said !== file) {
      const who = bySource === 'zoo' ? "is said by the zoo's table" : 'is said';
      throw new CheckpointError(
        `${who} to have ${key} ${said}, but its own classes have ${file}: state "${file}", or nothing`,
      );
    }
    const source = said !== undefined ? bySource : file !== undefined ? 'file' : 'assumed';
    const value = (said ?? file ?? this.#usual[key] ?? usual) as Value<K>;
    this.note(key, String(value), source);
    return value;
  }

  /** What the weights themselves show: an activation with parameters of its own. Throws CheckpointError against what is stated. */
  found<K extends Option>(key: K, value: Value<K>, shown: string): void {
    const stated = this.stated(key);
    if (stated !== undefined && stated !== value)
      throw new CheckpointError(`is said to have ${key} ${stated}, but its weights show another: ${shown}`);
    this.note(key, shown, 'weights');
  }

  /** What the user, or the zoo's table, says of an option. Throws CheckpointError where they disagree. */
  stated<K extends Option>(key: K): ModelOptions[K] {
    this.#asked.add(key);
    const { [key]: stated } = this.#stated;
    const { [key]: zoo } = this.#zoo;
    if (stated !== undefined && zoo !== undefined && stated !== zoo)
      throw new CheckpointError(
        `is said to have ${key} ${stated}, but the zoo's model has ${zoo}: leave one of them out`,
      );
    return stated ?? zoo;
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
