import type { Model } from '../onnx/graph.ts';
import type { ReadingFact } from '../schemas/reading.ts';
import type { ClassifierOptions } from './classifier.ts';

/** What may be said of a model beside its file. */
export type ReadingOptions = Pick<ClassifierOptions, 'model' | 'normalize' | 'inputRange'>;

/** A network as one reading has it, every BatchNorm in its place. */
export interface ReadNetwork {
  readonly model: Model;
  /** How what the file does not tell was decided. */
  readonly reading: readonly ReadingFact[];
}

/** A model file that may be read in several ways. */
export interface Readable {
  /** What its user says. */
  readonly options: ReadingOptions;
  /** Reads it with other options; throws InputError where these do not go with the file. */
  read(options: ReadingOptions): ReadNetwork;
}
