import { sha256 } from '@noble/hashes/sha2.js';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/**
 * A stream of random numbers of its own for every purpose, named by a key such as (seed, image, attack, restart).
 * What an image draws depends on its key alone, never on its place in a batch, so any batch size, order or sharding
 * gives the same outcome.
 */
export interface RandomSource {
  /** Uniform in [0, 1), a multiple of 2^-32. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
}

/** A source that can be saved in mid-stream. */
export interface RandomStream extends RandomSource {
  /** Where the stream is, as plain data; `restore` goes on from there. */
  save(): StreamState;
  /** Goes on from where `save` was called. */
  restore(state: StreamState): void;
}

/** A stream between two draws. */
export interface StreamState {
  /** State of the generator, xoroshiro128+: four 32-bit words. */
  readonly words: readonly number[];
  /** The second of two normals drawn at once. */
  readonly spare: number | null;
}

/** Names a stream. */
export type StreamKey = readonly (string | number)[];

/** The stream named by `key`; equal keys give equal streams. The state is SHA-256 of the key: keys do not collide. */
export function keyedStream(key: StreamKey): RandomStream {
  const digest = sha256(new TextEncoder().encode(JSON.stringify(key)));
  const words = new DataView(digest.buffer, digest.byteOffset);
  return new KeyedStream(xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => words.getInt32(offset, true))));
}

class KeyedStream implements RandomStream {
  #generator: RandomGenerator;
  #spare: number | undefined;

  constructor(generator: RandomGenerator) {
    this.#generator = generator;
  }

  uniform(): number {
    return (this.#generator.next() >>> 0) * 2 ** -32;
  }

  /** Marsaglia's polar method gives two at a time; the second is kept for the next call. */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    let u: number;
    let v: number;
    let square: number;
    do {
      u = 2 * this.uniform() - 1;
      v = 2 * this.uniform() - 1;
      square = u * u + v * v;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    this.#spare = v * scale;
    return u * scale;
  }

  save(): StreamState {
    return { words: this.#generator.getState(), spare: this.#spare ?? null };
  }

  restore({ words, spare }: StreamState): void {
    this.#generator = xoroshiro128plusFromState(words);
    this.#spare = spare ?? undefined;
  }

  /** The product with a 32-bit uniform is biased by less than bound / 2^32. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }
}
