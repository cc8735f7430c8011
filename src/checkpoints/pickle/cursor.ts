import { CheckpointError } from '../../errors.ts';

/** The bytes end in the middle of a pickle. Readers that see only the start of a file ask for more and try again. */
export class TruncatedPickle extends CheckpointError {}

const NEWLINE = 0x0a;

/** Reads numbers and text off the front of a byte array; every read past its end throws TruncatedPickle. */
export class Cursor {
  position = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32LE(this.#advance(4));
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** Exact below 2^53; a larger value is only ever a length that no file has. */
  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#advance(8)));
  }

  float64BigEndian(): number {
    return this.#bytes.readDoubleBE(this.#advance(8));
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The Latin-1 text up to the next newline, which is consumed. */
  line(): string {
    const end = this.#bytes.indexOf(NEWLINE, this.position);
    if (end < 0) throw new TruncatedPickle('the pickle ends in the middle of a line: the file is cut short or damaged');
    const text = this.#bytes.toString('latin1', this.position, end);
    this.position = end + 1;
    return text;
  }

  #advance(length: number): number {
    const start = this.position;
    if (length > this.#bytes.length - start) {
      throw new TruncatedPickle(
        `the pickle ends at byte ${this.#bytes.length}, unfinished: the file is cut short or damaged`,
      );
    }
    this.position = start + length;
    return start;
  }
}
