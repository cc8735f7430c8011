import type { Split } from './spec.ts';

/** Every CIFAR image, in every encoding: the red plane, the green, the blue, each 32 rows of 32 bytes. */
export const CIFAR_IMAGE_SHAPE = [3, 32, 32] as const;
export const CIFAR_IMAGE_BYTES = 3 * 32 * 32;

/** Images of one file: a label each, and their bytes [labels.length, 3, 32, 32]. */
export interface CifarBatch {
  readonly labels: ArrayLike<number>;
  readonly pixels: Uint8Array;
}

/** One of the two forms CIFAR is published in. The readers throw DatasetError; `where` names the file in it. */
export interface CifarEncoding {
  /** The files that make up a split, in order. */
  readonly members: Readonly<Record<Split, readonly string[]>>;
  /** The file that names the classes. */
  readonly namesMember: string;
  readBatch(bytes: Uint8Array, where: string): CifarBatch;
  readNames(bytes: Uint8Array, where: string): readonly string[];
}

/** What is particular to CIFAR-10 or CIFAR-100, https://www.cs.toronto.edu/~kriz/cifar.html */
export interface CifarLayout {
  /** The name `igd fetch` knows it by, too. */
  readonly format: 'cifar10' | 'cifar100';
  readonly classes: number;
  readonly classNames?: readonly string[];
  readonly binary: CifarEncoding;
  readonly python: CifarEncoding;
}
