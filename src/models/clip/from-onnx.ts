import { GraphError } from '../../errors.ts';
import { float32, int64, sizeOf, type Tensor } from '../../numeric/tensor.ts';
import { formatDims, type Graph, isBatch, type Model, type ValueInfo } from '../../onnx/graph.ts';
import type { Clip } from './clip.ts';
import { IMAGE_EMBEDDING, TEXT_EMBEDDING } from './graphs.ts';

/** What exports leave open is what every CLIP of these architectures has: images of 224 pixels, texts of 77 tokens. */
const RESOLUTION = 224;
const CONTEXT_LENGTH = 77;

/** Which inputs of an export are which; an export of both encoders has them all. */
interface Inputs {
  readonly pixels: ValueInfo | undefined;
  readonly tokens: ValueInfo | undefined;
  readonly attention: ValueInfo | undefined;
}

/** An .onnx file as it was read. */
export interface EncoderFile {
  readonly path: string;
  readonly model: Model;
}

/** A file, as far as its inputs and the embedding wanted go. */
interface Export {
  readonly path: string;
  readonly inputs: Inputs;
  readonly output: ValueInfo;
}

/**
 * CLIP's encoders as exported by Optimum, transformers.js and others: an .onnx each, or both in one. The graphs are run
 * as they are. Throws GraphError where a file is no such encoder, or the two do not fit each other.
 */
export function clipFromOnnx({ image, text }: { image: EncoderFile; text: EncoderFile }): Clip {
  const images = exportOf(image, 'pixels', IMAGE_EMBEDDING);
  const texts = exportOf(text, 'tokens', TEXT_EMBEDDING);
  requireSameSize(images, texts);
  const resolution = resolutionOf(images);
  const contextLength = contextLengthOf(texts);
  return {
    description: `CLIP in ONNX, ${resolution} pixels`,
    resolution,
    contextLength,
    vocabulary: undefined,
    notes: [],
    // An export of both encoders wants both inputs, whichever embedding is asked for.
    image: {
      graph: { path: image.path },
      output: images.output.name,
      feeds: (pixels) => feedsOf(images.inputs, pixels, blankText(contextLength)),
    },
    text: {
      graph: { path: text.path },
      output: texts.output.name,
      feeds: (tokens) => feedsOf(texts.inputs, blankImage(resolution), tokens),
    },
  };
}

function exportOf({ path, model: { graph } }: EncoderFile, wanted: 'pixels' | 'tokens', embedding: string): Export {
  const inputs = inputsOf(graph, path);
  if (inputs[wanted] === undefined)
    throw new GraphError(`${path} takes no ${wanted}, but ${list(graph.inputs)}: is it the other encoder?`);
  return { path, inputs, output: outputOf(graph, embedding, path) };
}

/** By type and rank, for names differ: pixels are float [N, 3, R, R], tokens integers [N, T]. */
function inputsOf({ inputs }: Graph, path: string): Inputs {
  const isMask = ({ name }: ValueInfo) => /mask/.test(name);
  const integers = inputs.filter(({ type, dims }) => type === 'int64' && dims?.length === 2);
  const found = {
    pixels: inputs.find(({ type, dims }) => type === 'float32' && dims?.length === 4),
    tokens: integers.find((input) => !isMask(input)),
    attention: integers.find(isMask),
  };
  const known: (ValueInfo | undefined)[] = Object.values(found);
  const odd = inputs.filter((input) => !known.includes(input));
  if (odd.length === 0) return found;
  throw new GraphError(
    `${path} takes ${list(odd)}: an encoder of CLIP takes pixels (float32 [N, 3, R, R]), or tokens and an attention mask (int64 [N, T])`,
  );
}

/** The output of that name, or the only one. */
function outputOf({ outputs }: Graph, name: string, path: string): ValueInfo {
  const output = outputs.find((value) => value.name === name) ?? (outputs.length === 1 ? outputs[0] : undefined);
  const fits = output?.type === 'float32' && (output.dims === undefined || output.dims.length === 2);
  if (output !== undefined && fits) return output;
  throw new GraphError(
    `${path} gives ${list(outputs)}: expected "${name}" [N, E], as exports "with projection" have it`,
  );
}

function requireSameSize(images: Export, texts: Export): void {
  const [a, b] = [images, texts].map(({ output }) => fixed(output, 1));
  if (a === undefined || b === undefined || a === b) return;
  throw new GraphError(`${images.path} embeds in ${a} numbers, ${texts.path} in ${b}: they are of different CLIPs`);
}

function resolutionOf({ path, inputs: { pixels } }: Export): number {
  const height = fixed(pixels, 2) ?? RESOLUTION;
  if ((fixed(pixels, 1) ?? 3) === 3 && (fixed(pixels, 3) ?? height) === height) return height;
  throw new GraphError(
    `${path} takes ${list(pixels === undefined ? [] : [pixels])}: expected square images of 3 channels`,
  );
}

function contextLengthOf({ inputs: { tokens } }: Export): number {
  return fixed(tokens, 1) ?? CONTEXT_LENGTH;
}

/** A size that the file says, undefined where it leaves it open. */
function fixed(value: ValueInfo | undefined, axis: number): number | undefined {
  const dim = value?.dims?.[axis];
  return dim === undefined || isBatch(dim) ? undefined : dim;
}

function feedsOf({ pixels, tokens, attention }: Inputs, images: Tensor, texts: Tensor): Record<string, Tensor> {
  return {
    ...(pixels && { [pixels.name]: images }),
    ...(tokens && { [tokens.name]: texts }),
    ...(attention && { [attention.name]: attentionMask(texts) }),
  };
}

/** 1 up to the end-of-text token, the highest id of a row, 0 for the padding behind it. */
function attentionMask({ dims, data }: Tensor): Tensor {
  const [rows = 0, length = 0] = dims;
  const mask = Array.from({ length: rows }, (_, row) => {
    const ids = Array.from(data.subarray(row * length, (row + 1) * length), Number);
    const end = ids.indexOf(Math.max(...ids));
    return ids.map((_unused, place) => (place <= end ? 1 : 0));
  });
  return int64(dims, mask.flat());
}

function blankText(length: number): Tensor {
  return int64([1, length], Array<number>(length).fill(0));
}

function blankImage(resolution: number): Tensor {
  const dims = [1, 3, resolution, resolution];
  return float32(dims, new Float32Array(sizeOf(dims)));
}

function list(values: readonly ValueInfo[]): string {
  return values.map(({ name, type, dims }) => `"${name}" ${type} ${formatDims(dims ?? [])}`).join(', ') || 'nothing';
}
