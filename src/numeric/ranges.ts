const RANGES_SHOWN = 8;

/** Numbers of images or shards for a message, neighbours joined: "3, 7-9 and 212 more". */
export function imageRanges(images: Iterable<number>): string {
  const sorted = [...new Set(images)].sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const image of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && image === open.last + 1) open.last = image;
    else ranges.push({ first: image, last: image });
  }
  const shown = ranges.slice(0, RANGES_SHOWN);
  const left = ranges.slice(RANGES_SHOWN).reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const text = shown.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
  return left === 0 ? text : `${text} and ${left} more`;
}

/** The same with the word before them: "image 3", "images 5, 7-9". */
export function imagesText(images: Iterable<number>): string {
  const distinct = new Set(images);
  return `image${distinct.size === 1 ? '' : 's'} ${imageRanges(distinct)}`;
}
