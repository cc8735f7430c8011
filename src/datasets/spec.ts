import type { Preprocessing } from '../contracts/config.ts';

/** Which part of a published dataset: images to fit and rank on, or images to evaluate. */
export type Split = 'train' | 'test';

interface CommonSpec {
  /** The file or folder to read, see the reader of the format. */
  readonly path: string;
  /** Picks the members of an archive, a folder or an .npz; a single file is what it is, whichever split is asked for. */
  readonly split: Split;
  /** Only the first so many images; all by default. */
  readonly limit?: number | undefined;
  /** Of these a sample, see sample.ts; all by default. */
  readonly sample?: SampleSpec | undefined;
}

/** The share of every class to draw, in (0, 1], and the seed to draw with. */
export interface SampleSpec {
  readonly fraction: number;
  readonly seed: number;
}

interface SpecOfFormat {
  cifar10: CommonSpec;
  cifar100: CommonSpec;
  /** `labels` is the .npy of the labels, where `path` is an .npy of images. */
  npy: CommonSpec & { readonly labels?: string | undefined };
  /** `list` is a text file of the images to take, a path a line; `path` is a folder of class folders, or a tar of one. */
  imagefolder: CommonSpec & {
    readonly preprocessing?: Preprocessing | undefined;
    readonly list?: string | undefined;
  };
}

export type DatasetFormat = keyof SpecOfFormat;

/** Where a dataset is and how to read it; a union over the formats. */
export type DatasetSpec<F extends DatasetFormat = DatasetFormat> = {
  [K in F]: { readonly format: K } & SpecOfFormat[K];
}[F];
