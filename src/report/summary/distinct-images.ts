/** Of images of which some are copies of others. */
export interface DistinctImages {
  /** Place of the first copy of each image, rising. */
  readonly places: readonly number[];
  /**
   * Independent images that tell as much: N^2 / sum m^2 for images that are there m times each, as copies are answered alike. L. Kish,
   * "Survey Sampling" (1965), 8.2. N where there are no copies.
   */
  readonly effective: number;
}

/** `images` are numbers in the data set, `copies` groups of numbers of equal images. */
export function distinctImages(images: readonly number[], copies: readonly (readonly number[])[]): DistinctImages {
  const first = new Map(copies.flatMap((group) => group.map((image) => [image, group[0]] as const)));
  const times = new Map<number, number>();
  const places = images.flatMap((image, place) => {
    const same = first.get(image) ?? image;
    const before = times.get(same) ?? 0;
    times.set(same, before + 1);
    return before === 0 ? [place] : [];
  });
  const squares = [...times.values()].reduce((sum, count) => sum + count ** 2, 0);
  return { places, effective: places.length === images.length ? images.length : images.length ** 2 / squares };
}
