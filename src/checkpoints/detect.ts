import { CheckpointError } from '../errors.ts';
import type { ByteSource } from './source.ts';

export type CheckpointFormat = 'torch-zip' | 'torch-legacy' | 'safetensors';

/** How a file starts, and what that makes of it: a format to read, or the line to refuse it with. */
interface Signature {
  readonly matches: (head: Uint8Array, text: string) => boolean;
  readonly verdict: { readonly format: CheckpointFormat } | { readonly refusal: string };
}

const HEAD_BYTES = 512;
const TAR_MAGIC_OFFSET = 257;
const TFLITE_MAGIC_OFFSET = 4;
const CONVERT = 'igd reads PyTorch, safetensors and ONNX files; convert it with tf2onnx';

const startsWith =
  (...bytes: readonly number[]) =>
  (head: Uint8Array) =>
    bytes.every((byte, i) => head[i] === byte);
const startsWithText = (start: string) => (_: Uint8Array, text: string) => text.startsWith(start);
const isTar = (_: Uint8Array, text: string) => text.startsWith('ustar', TAR_MAGIC_OFFSET);
const isOldTorchTar = (head: Uint8Array, text: string) =>
  isTar(head, text) && /^(\.\/)?(sys_info|pickle|tensors|storages)?\0/.test(text);

/** The archives people put a checkpoint into; igd does not look inside. */
const packed = (kind: string) => ({ refusal: `is a ${kind} archive: unpack it and give the checkpoint inside` });

/** Tried in order; the first match decides. */
const SIGNATURES: readonly Signature[] = [
  // The length of the header as 8 bytes, little endian, then the header, a JSON object. First, for the length may be anything.
  { matches: (head) => head[8] === 0x7b && head[6] === 0 && head[7] === 0, verdict: { format: 'safetensors' } },
  { matches: startsWith(0x50, 0x4b, 0x03, 0x04), verdict: { format: 'torch-zip' } },
  {
    matches: startsWith(0x50, 0x4b, 0x05, 0x06),
    verdict: { refusal: 'is an empty zip archive: fetch the checkpoint again' },
  },
  // A pickle of protocol 2 or more, or torch's magic number as protocols 0 and 1 write it.
  { matches: (head) => head[0] === 0x80 && head[1]! <= 5, verdict: { format: 'torch-legacy' } },
  { matches: startsWithText('L119547037146038801333356L\n'), verdict: { format: 'torch-legacy' } },
  {
    matches: startsWithText('version https://git-lfs.github.com/spec/'),
    verdict: { refusal: 'is a Git LFS pointer, not the file itself: run `git lfs pull` where it comes from' },
  },
  {
    matches: (_, text) => /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml)/i.test(text),
    verdict: { refusal: 'looks like an HTML page, not a checkpoint: the download was refused? Fetch it again' },
  },
  {
    matches: isOldTorchTar,
    verdict: {
      refusal:
        'is in the tar format of PyTorch 0.1: load it with an old PyTorch and save its state_dict() with torch.save again',
    },
  },
  { matches: isTar, verdict: packed('tar') },
  { matches: startsWith(0x1f, 0x8b), verdict: packed('gzip') },
  { matches: startsWith(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), verdict: packed('7z') },
  { matches: startsWithText('Rar!'), verdict: packed('RAR') },
  { matches: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), verdict: packed('xz') },
  { matches: startsWithText('BZh'), verdict: packed('bzip2') },
  { matches: startsWith(0x28, 0xb5, 0x2f, 0xfd), verdict: packed('Zstandard') },
  {
    matches: startsWith(0x89, 0x48, 0x44, 0x46),
    verdict: { refusal: `is an HDF5 file (Keras?): ${CONVERT}` },
  },
  {
    matches: (_, text) => text.startsWith('TFL3', TFLITE_MAGIC_OFFSET),
    verdict: { refusal: `is a TensorFlow Lite model: ${CONVERT}` },
  },
  {
    matches: startsWith(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59),
    verdict: { refusal: 'is a NumPy array, not a checkpoint: igd reads PyTorch, safetensors and ONNX files' },
  },
  // ModelProto: field 1 (ir_version), then field 2 (producer_name) or 7 (graph).
  {
    matches: (head) => head[0] === 0x08 && head[1]! < 0x40 && (head[2] === 0x12 || head[2] === 0x3a),
    verdict: { refusal: 'looks like an ONNX graph: give it a name that ends in .onnx' },
  },
];

/** The format of a checkpoint, by its content. Throws CheckpointError that says what the file is instead. */
export async function detectFormat(source: ByteSource): Promise<CheckpointFormat> {
  if (source.size === 0) throw new CheckpointError('is empty: fetch it again');
  const head = await source.read(0, Math.min(HEAD_BYTES, source.size));
  const text = Buffer.from(head).toString('latin1');
  const verdict = SIGNATURES.find((signature) => signature.matches(head, text))?.verdict;
  if (verdict === undefined) throw new CheckpointError(`is no checkpoint igd knows: it starts with ${describe(head)}`);
  if ('refusal' in verdict) throw new CheckpointError(verdict.refusal);
  return verdict.format;
}

function describe(head: Uint8Array): string {
  const start = Buffer.from(head.subarray(0, 16));
  const text = start.toString('latin1');
  return /^[\x20-\x7e\s]+$/.test(text) ? `the text ${JSON.stringify(text)}` : `the bytes ${start.toString('hex')}`;
}
