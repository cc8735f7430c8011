import { ConfigError, GraphError } from '../../errors.ts';
import type { ElementType } from '../../numeric/tensor.ts';
import { ELEMENT_CODES } from '../../onnx/element-types.ts';
import { type Dim, describeNode, formatDims, type Graph, intOf, isBatch, type Node } from '../../onnx/graph.ts';
import { type ClassifierOptions, GREY_IMAGES, type ImageShape } from '../classifier.ts';

/** The image input of a user's graph: what it leaves open, or wants in another form than float32. */

/** Ops that move pixels and do not compute with them: on float32 they give what they give on bytes. */
export const MOVES: ReadonlySet<string> = new Set([
  'Identity',
  'Transpose',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Gather',
  'Split',
]);
const FLOAT_TYPES: readonly ElementType[] = ['float32', 'float16', 'bfloat16', 'float64'];
const FLOAT_CODES = new Set<number>(FLOAT_TYPES.map((type) => ELEMENT_CODES[type]));

/** The graph with one input. Throws GraphError where it has none or several. */
export function requireOneInput({ inputs }: Graph): void {
  if (inputs.length === 1) return;
  const list = inputs.map(({ name, dims }) => `"${name}" ${formatDims(dims ?? [])}`).join(', ') || 'none';
  throw new GraphError(`inputs ${list}: export the model with its images alone`);
}

/**
 * The graph with a size where its input leaves height, width or channels open: that of the images it will see, or the one
 * stated. Throws GraphError where neither is known.
 */
export function withImageSize(graph: Graph, options: ClassifierOptions): Graph {
  const input = graph.inputs[0]!;
  const dims = input.dims ?? [{ batch: 1 }, undefined, undefined, undefined];
  if (dims.length !== 4 || !dims.includes(undefined)) return graph;
  const given = [undefined, ...inLayout(givenShape(options), options.layout)];
  const sized = dims.map((dim, axis) => dim ?? given[axis]);
  if (!sized.includes(undefined)) return { ...graph, inputs: [{ ...input, dims: sized }] };
  throw new GraphError(
    `input "${input.name}" is ${formatDims(dims)} and leaves the size of its images open: ` +
      'give data, or say "imageSize" (--image-size 224)',
  );
}

type OpenShape = readonly [number | undefined, number | undefined, number | undefined];

function givenShape({ imageShape, imageSize }: ClassifierOptions): OpenShape {
  return imageShape ?? [undefined, imageSize?.[0], imageSize?.[1]];
}

function inLayout([channels, height, width]: OpenShape, layout: ClassifierOptions['layout']): OpenShape {
  return layout === 'NHWC' ? [height, width, channels] : [channels, height, width];
}

/**
 * The shape [C, H, W] of the images that a graph of fixed sizes takes; `imageShape` is that of the data, where there is some.
 * Throws GraphError where the input is no image, ConfigError where the size stated is not that of the data.
 */
export function imageShapeOf({ inputs }: Graph, { imageShape, imageSize, layout }: ClassifierOptions): ImageShape {
  if (imageShape !== undefined) return requireSize(imageShape, imageSize);
  const [, a, b, c, ...rest] = inputs[0]?.dims ?? [];
  if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number' || rest.length > 0) {
    throw new GraphError(
      `input is ${formatDims(inputs[0]?.dims ?? [])}: expected images of a fixed size, [N, C, H, W]`,
    );
  }
  const [channels, height, width]: ImageShape = layout === 'NHWC' ? [c, a, b] : [a, b, c];
  return [channels, imageSize?.[0] ?? height, imageSize?.[1] ?? width];
}

/** Images are not resized: a size that is stated is that of the data. */
function requireSize(imageShape: ImageShape, imageSize: ClassifierOptions['imageSize']): ImageShape {
  const [, height, width] = imageShape;
  if (imageSize === undefined || (imageSize[0] === height && imageSize[1] === width)) return imageShape;
  throw new ConfigError(`imageSize is ${imageSize.join(' x ')}, and the images are ${height} x ${width}`);
}

/** Throws GraphError where images of this shape are not what the graph's input takes. */
export function requireShape(given: readonly Dim[], wanted: readonly (Dim | undefined)[] | undefined): void {
  const fits =
    wanted === undefined ||
    (wanted.length === given.length &&
      wanted.every((dim, axis) => dim === undefined || isBatch(dim) || dim === given[axis]));
  if (fits) return;
  throw new GraphError(
    `wants images ${formatDims(wanted)}, and is given ${formatDims(given)}: ${wayOut(given, wanted)}`,
  );
}

function wayOut(given: readonly Dim[], wanted: readonly (Dim | undefined)[]): string {
  if (wanted.length !== given.length) return 'export it with images [N, C, H, W] as its input';
  const axes = given.flatMap((dim, axis) => (isBatch(dim) || dim === wanted[axis] ? [] : [axis]));
  const isGrey = (dims: readonly (Dim | undefined)[]) => axes.every((axis) => dims[axis] === 1 || dims[axis] === 3);
  if (axes.length === 1 && isGrey(given) && isGrey(wanted)) return GREY_IMAGES;
  const sizes = (dims: readonly (Dim | undefined)[]) => dims.slice(1).map(Number).sort().join();
  if (sizes(given) === sizes(wanted)) return 'is "layout" right?';
  return 'images are not resized; give them in its size, by a "preprocessing" where they are files';
}

/**
 * The graph with a float32 input in the place of bytes, where the config says that it is fed 0..255: the same numbers, without
 * rounding between two levels, which would leave no gradient. Throws GraphError where nothing is said, or where the graph computes
 * with whole numbers.
 */
export function withFloatImages(graph: Graph, { inputRange }: ClassifierOptions): Graph {
  const input = graph.inputs[0]!;
  if (input.type !== 'uint8') return graph;
  if (inputRange !== '0..255') {
    throw new GraphError(
      `input "${input.name}" is uint8: say "inputRange": "0..255" (--input-range) to feed it pixels times 255, not rounded`,
    );
  }
  requireMovesOnly(graph, input.name);
  return { ...graph, inputs: [{ ...input, type: 'float32' }] };
}

function requireMovesOnly({ nodes }: Graph, input: string): void {
  const bytes = new Set([input]);
  for (const node of nodes) {
    if (!node.inputs.some((name) => bytes.has(name)) || node.op === 'Shape' || isCastToFloat(node)) continue;
    if (!MOVES.has(node.op)) {
      throw new GraphError(
        `input "${input}" is uint8, and ${describeNode(node)} computes with whole numbers: export the model with float32 images`,
      );
    }
    for (const name of node.outputs) bytes.add(name);
  }
}

function isCastToFloat(node: Node): boolean {
  return node.op === 'Cast' && FLOAT_CODES.has(intOf(node, 'to', 0));
}

/** Throws GraphError where the images are no float32. */
export function requireFloatImages({ inputs }: Graph): void {
  const input = inputs[0]!;
  if (input.type !== 'float32') throw new GraphError(`input "${input.name}" is ${input.type}, and images are float32`);
}
