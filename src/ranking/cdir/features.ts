/** What units are compared with concepts on: the same probe images seen by the model and by CLIP. */
export interface Features {
  readonly images: number;
  readonly units: number;
  readonly concepts: number;
  /** [images, units]: activation of each unit, its mean over positions. */
  readonly activations: Float32Array;
  /** [images, concepts]: cosine of CLIP's embeddings of the image and of the concept. */
  readonly cosines: Float32Array;
}

/** The `count` images with the highest activations of a unit, highest first; ties go to the lower image. */
export function topImages({ images, units, activations }: Features, unit: number, count: number): number[] {
  const column = new Float32Array(images);
  for (let i = 0; i < images; i++) column[i] = activations[i * units + unit]!;
  // Sorted without a comparator, which is ten times as fast, to know the value that is just in.
  const least = column.toSorted()[images - count]!;
  const above: number[] = [];
  const tied: number[] = [];
  for (let i = 0; i < images; i++) {
    if (column[i]! > least) above.push(i);
    else if (column[i] === least) tied.push(i);
  }
  above.sort((a, b) => column[b]! - column[a]! || a - b);
  return [...above, ...tied.slice(0, count - above.length)];
}
