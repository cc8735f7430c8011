import { OPCODES } from '../../../../src/checkpoints/pickle/unpickle.ts';

/** A whole number from 0 to below `limit`. */
export type Random = (limit: number) => number;

/** Mulberry32: small, and the same everywhere for the same seed. */
export function seeded(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((((bits ^ (bits >>> 14)) >>> 0) * limit) / 2 ** 32) | 0;
  };
}

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const CODES = [...OPCODES.keys()];
/** What lengths, counts and sizes look like when they are meant to do harm. */
const LIMITS = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

const flipBit: Mutation = (bytes, random) => {
  const at = random(bytes.length);
  bytes[at] = bytes[at]! ^ (1 << random(8));
  return bytes;
};

const setByte: Mutation = (bytes, random) => {
  bytes[random(bytes.length)] = random(256);
  return bytes;
};

const setOpcode: Mutation = (bytes, random) => {
  bytes[random(bytes.length)] = CODES[random(CODES.length)]!;
  return bytes;
};

const insertOpcodes: Mutation = (bytes, random) => {
  const at = random(bytes.length);
  const inserted = Buffer.from(Array.from({ length: 1 + random(8) }, () => CODES[random(CODES.length)]!));
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
};

const setLimit: Mutation = (bytes, random) => {
  if (bytes.length < 4) return bytes;
  bytes.writeUInt32LE(LIMITS[random(LIMITS.length)]!, random(bytes.length - 3));
  return bytes;
};

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random(bytes.length));

const remove: Mutation = (bytes, random) => {
  const at = random(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]);
};

const repeatPart: Mutation = (bytes, random) => {
  const at = random(bytes.length);
  const part = bytes.subarray(at, at + 1 + random(64));
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: 2 + random(50) }, () => part),
    bytes.subarray(at),
  ]);
};

const splice: Mutation = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))]);

const MUTATIONS = [flipBit, setByte, setOpcode, insertOpcodes, setLimit, truncate, remove, repeatPart, splice];

/** One to four mutations of `bytes`; splices take from `other`. */
export function mutate(bytes: Uint8Array, random: Random, other: Uint8Array): Buffer {
  let mutant: Buffer = Buffer.from(bytes);
  for (let round = random(4); round >= 0 && mutant.length > 0; round--) {
    mutant = MUTATIONS[random(MUTATIONS.length)]!(mutant, random, Buffer.from(other));
  }
  return mutant;
}
