/** The coordinates [start, end) of a flattened image. */
export interface Block {
  readonly start: number;
  readonly end: number;
}

/** Where the hierarchical search is: at a level the image is cut into 2^level blocks of equal size. */
export interface BlockPlace {
  readonly level: number;
  readonly index: number;
}

export const WHOLE_IMAGE: BlockPlace = { level: 0, index: 0 };

/** Sizes are rounded up, so that the last block of a level may be smaller; from some level on they are 1. */
export function blockAt({ level, index }: BlockPlace, imageSize: number): Block {
  const size = Math.ceil(imageSize / 2 ** level);
  return { start: index * size, end: Math.min(imageSize, (index + 1) * size) };
}

/** The next block, of the next level after a level's last one. */
export function blockAfter(place: BlockPlace, imageSize: number): BlockPlace {
  const { level, index } = place;
  if (blockAt(place, imageSize).end === imageSize) return { level: level + 1, index: 0 };
  return { level, index: index + 1 };
}
