import { sizeOf, type Tensor } from '../numeric/tensor.ts';

const WANTED = 'save them as [N, C, H, W] of float32 in [0, 1] or of uint8, where C is 1 or 3';

/** Why an array is not taken for images, and the line of numpy that makes images of it, where one does. */
export function insteadOfImages(tensor: Tensor): string {
  return insteadOfShape(tensor) ?? insteadOfType(tensor);
}

/** undefined where the shape is one of images. */
function insteadOfShape({ type, dims }: Tensor): string | undefined {
  const [, a = 0, , c = 0] = dims;
  if (sizeOf(dims) === 0) return `it holds nothing: ${WANTED}`;
  if (dims.length === 3) return undefined;
  if (dims.length === 2) return `a row an image says no height and width: ${save('x.reshape(-1, C, H, W)')}`;
  if (dims.length === 5) return `volumes and videos are no images: ${WANTED}`;
  if (dims.length !== 4) return WANTED;
  if (isChannels(a)) return undefined;
  if (isChannels(c))
    return type.startsWith('float') ? `channels come first: ${save('x.transpose(0, 3, 1, 2)')}` : undefined;
  if (a === 4) return `the fourth channel is transparency? ${save('x[:, :3]')}`;
  if (c === 4) return `the fourth channel is transparency? ${save('x[..., :3]')}`;
  return WANTED;
}

/**
 * Integers that are no bytes, and truth values, do not say which value is white: 1, 255 or the largest of their type. To guess it would make
 * images darker by as much, and nothing would fail.
 */
function insteadOfType({ type, data }: Tensor): string {
  const [least, most] = rangeOf(data);
  const values =
    type === 'bool' ? 'they do not say whether 1 is white' : `from ${least} to ${most} they do not say what is white`;
  if (least < 0)
    return `values from ${least} to ${most} are not of images: undo what made them negative, and ${WANTED}`;
  if (type === 'bool') return `${values}: if it is, ${save('x.astype("float32")')}`;
  const whites = [1, 255, 65_535].filter((white) => white >= most);
  if (whites.length === 0) return `${values}: ${save('(x / WHITE).astype("float32")')}, whatever white is`;
  const ways = whites.map((white) => `if ${white} is, ${save(LINES[white] ?? '')}`);
  return `${values}: ${ways.join('; ')}`;
}

const LINES: Readonly<Record<number, string>> = {
  1: 'x.astype("float32")',
  255: 'x.astype("uint8")',
  65535: '(x / 65535).astype("float32")',
};

function rangeOf(data: Tensor['data']): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const element of data) {
    const value = Number(element);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

function save(expression: string): string {
  return `numpy.save("x.npy", ${expression})`;
}

/** Grey or red, green and blue. */
export function isChannels(dim: number): boolean {
  return dim === 1 || dim === 3;
}
