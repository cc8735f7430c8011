/** Which part of a published dataset: images to fit and rank on, or images to evaluate. */
export type Split = 'train' | 'test';

interface CommonSpec {
  /** The file or folder to read, see the reader of the format. */
  readonly path: string;
  /** Picks the members of an archive, a folder or an .npz; a single file is what it is, whichever split is asked for. */
  readonly split: Split;
  /** Only the first so many images; all by default. */
  readonly limit?: number | undefined;
}

interface SpecOfFormat {
  cifar10: CommonSpec;
  cifar100: CommonSpec;
  /** `labels` is the .npy of the labels, where `path` is an .npy of images. */
  npy: CommonSpec & { readonly labels?: string | undefined };
}

export type DatasetFormat = keyof SpecOfFormat;

/** Where a dataset is and how to read it; a union over the formats. */
export type DatasetSpec<F extends DatasetFormat = DatasetFormat> = {
  [K in F]: { readonly format: K } & SpecOfFormat[K];
}[F];
