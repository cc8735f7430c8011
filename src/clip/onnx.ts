import { GraphError } from '../contracts/errors.ts';
import { type Feeds, type Port, Session, type SessionOptions, type Signature } from '../runtime/session.ts';
import { float32, int64, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { Clip } from './clip.ts';
import { type Encoder, encoderOf } from './encoder.ts';
import { IMAGE_EMBEDDING, TEXT_EMBEDDING } from './graphs.ts';

/** What exports leave open is what every CLIP of these architectures has: images of 224 pixels, texts of 77 tokens. */
const RESOLUTION = 224;
const CONTEXT_LENGTH = 77;

/** Which inputs of an export are which; an export of both encoders has them all. */
interface Roles {
  readonly pixels: Port | undefined;
  readonly tokens: Port | undefined;
  readonly attention: Port | undefined;
}

/** One side of a CLIP as an .onnx: what it is fed with and what is read of it. */
interface Half {
  readonly path: string;
  readonly roles: Roles;
  readonly output: Port;
}

/**
 * CLIP's encoders as exported by Optimum, transformers.js and others: an .onnx each, or both in one. The graphs are run
 * as they are. Throws GraphError where a file is no such encoder, or the two do not fit each other.
 */
export async function clipFromOnnx({ image, text }: { image: string; text: string }): Promise<Clip> {
  const images = await inspectHalf(image, 'pixels', IMAGE_EMBEDDING);
  const texts = await inspectHalf(text, 'tokens', TEXT_EMBEDDING);
  const [a, b] = [images.output.dims[1], texts.output.dims[1]];
  if (a !== undefined && b !== undefined && a !== b)
    throw new GraphError(`${image} embeds in ${a} numbers, ${text} in ${b}: they are of different CLIPs`);
  const resolution = resolutionOf(images);
  const contextLength = texts.roles.tokens?.dims[1] ?? CONTEXT_LENGTH;
  return {
    description: `CLIP in ONNX, ${resolution} pixels`,
    resolution,
    contextLength,
    vocabulary: undefined,
    notes: [],
    openImages: (session) => openHalf(images, session, (pixels) => feedsOf(images.roles, pixels, blankText(texts))),
    openTexts: (session) => openHalf(texts, session, (tokens) => feedsOf(texts.roles, blankImage(texts), tokens)),
  };
}

async function inspectHalf(path: string, wanted: 'pixels' | 'tokens', embedding: string): Promise<Half> {
  const session = await Session.open(path);
  const { signature } = session;
  await session.release();
  const roles = rolesOf(signature, path);
  if (roles[wanted] === undefined)
    throw new GraphError(`${path} takes no ${wanted}, but ${list(signature.inputs)}: is it the other encoder?`);
  return { path, roles, output: outputOf(signature, embedding, path) };
}

/** By type and rank, for names differ: pixels are float [N, 3, R, R], tokens integers [N, T]. */
function rolesOf({ inputs }: Signature, path: string): Roles {
  const isMask = ({ name }: Port) => /mask/.test(name);
  const pixels = inputs.find(({ type, dims }) => type === 'float32' && dims.length === 4);
  const integers = inputs.filter(({ type, dims }) => type === 'int64' && dims.length === 2);
  const roles = {
    pixels,
    tokens: integers.find((port) => !isMask(port)),
    attention: integers.find(isMask),
  };
  const known: (Port | undefined)[] = Object.values(roles);
  const odd = inputs.filter((port) => !known.includes(port));
  if (odd.length === 0) return roles;
  throw new GraphError(
    `${path} takes ${list(odd)}: an encoder of CLIP takes pixels (float32 [N, 3, R, R]), tokens and an attention mask (int64 [N, T])`,
  );
}

/** The output of that name, or the only one. */
function outputOf({ outputs }: Signature, name: string, path: string): Port {
  const output = outputs.find((port) => port.name === name) ?? (outputs.length === 1 ? outputs[0] : undefined);
  const fits = output?.type === 'float32' && (output.dims.length === 2 || output.dims.length === 0);
  if (output !== undefined && fits) return output;
  throw new GraphError(
    `${path} gives ${list(outputs)}: expected "${name}" [N, E], as exports "with projection" have it`,
  );
}

function resolutionOf({ path, roles }: Half): number {
  const [, channels = 3, height = RESOLUTION, width = height] = roles.pixels?.dims ?? [];
  if (channels === 3 && height === width) return height;
  throw new GraphError(`${path} takes images [${channels}, ${height}, ${width}]: expected square ones of 3 channels`);
}

async function openHalf(half: Half, options: SessionOptions, feeds: (batch: Tensor) => Feeds): Promise<Encoder> {
  return encoderOf(await Session.open(half.path, options), half.output.name, feeds);
}

/** An export of both encoders wants both inputs, whichever embedding is asked for. */
function feedsOf({ pixels, tokens, attention }: Roles, images: Tensor, texts: Tensor): Feeds {
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
    return ids.map((_, place) => (place <= end ? 1 : 0));
  });
  return int64(dims, mask.flat());
}

function blankText({ roles }: Half): Tensor {
  const length = roles.tokens?.dims[1] ?? CONTEXT_LENGTH;
  return int64([1, length], Array<number>(length).fill(1));
}

function blankImage(half: Half): Tensor {
  const dims = [1, 3, resolutionOf(half), resolutionOf(half)];
  return float32(dims, new Float32Array(sizeOf(dims)));
}

function list(ports: readonly Port[]): string {
  const shown = ports.map(({ name, type, dims }) => `"${name}" ${type} [${dims.map((dim) => dim ?? '?').join(', ')}]`);
  return shown.join(', ') || 'nothing';
}
