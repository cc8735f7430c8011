/** Bytes of a PNG in which its header is. https://www.w3.org/TR/png-3/#11IHDR */
export const PNG_HEADER = 26;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [DEPTH, COLOUR_TYPE] = [24, 25];
const GREY = 0;

/** Whether a file is a grey PNG of 16 bits without alpha: PIL reads all others as 8 bits, by their upper byte. */
export function isDeepGrey(head: Uint8Array): boolean {
  return SIGNATURE.every((byte, place) => head[place] === byte) && head[DEPTH] === 16 && head[COLOUR_TYPE] === GREY;
}
