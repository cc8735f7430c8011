import { CheckpointError } from '../errors.ts';
import { FILE_HEAD, type FileKind, fileKind } from '../numeric/file-kinds.ts';
import type { ByteSource } from './source.ts';

/** The first member of a tar that PyTorch 0.1 wrote. */
const OLD_TORCH_MEMBER = /^(\.\/)?(sys_info|pickle|tensors|storages)?\0/;

export type CheckpointFormat = 'torch-zip' | 'torch-legacy' | 'safetensors';

/** What the kind of a file makes of it: a format to read, or the line to refuse it with. */
type Verdict = { readonly format: CheckpointFormat } | { readonly refusal: string };

const CONVERT = 'igd reads PyTorch, safetensors and ONNX files; convert it with tf2onnx';

/** The archives people put a checkpoint into; igd does not look inside. */
const packed = (kind: string) => ({ refusal: `is a ${kind} archive: unpack it and give the checkpoint inside` });
const data = (kind: string) => ({
  refusal: `is ${kind}, not a checkpoint: igd reads PyTorch, safetensors and ONNX files`,
});
const NUMPY = data('a NumPy array');
const IMAGE = data('an image');
const TORCH_ZIP = { format: 'torch-zip' } as const;

const VERDICTS: Readonly<Partial<Record<FileKind, Verdict>>> = {
  safetensors: { format: 'safetensors' },
  'torch-zip': TORCH_ZIP,
  // Its members may be in any order.
  zip: TORCH_ZIP,
  'empty-zip': { refusal: 'is an empty zip archive: fetch the checkpoint again' },
  pickle: { format: 'torch-legacy' },
  'git-lfs': { refusal: 'is a Git LFS pointer, not the file itself: run `git lfs pull` where it comes from' },
  'web-page': { refusal: 'looks like an HTML page, not a checkpoint: the download was refused? Fetch it again' },
  tar: packed('tar'),
  gzip: packed('gzip'),
  '7z': packed('7z'),
  rar: packed('RAR'),
  xz: packed('xz'),
  bzip2: packed('bzip2'),
  zstandard: packed('Zstandard'),
  hdf5: { refusal: `is an HDF5 file (Keras?): ${CONVERT}` },
  tflite: { refusal: `is a TensorFlow Lite model: ${CONVERT}` },
  npy: NUMPY,
  npz: NUMPY,
  png: IMAGE,
  jpeg: IMAGE,
  webp: IMAGE,
  gif: IMAGE,
  parquet: data('a Parquet file'),
  arrow: data('an Arrow file'),
  tfrecord: data('a TFRecord file'),
  idx: data('an idx file'),
  mat: data('a MATLAB file'),
  'mat-7.3': data('a MATLAB file'),
  onnx: { refusal: 'looks like an ONNX graph: give it a name that ends in .onnx' },
};

/** The format of a checkpoint, by its content. Throws CheckpointError that says what the file is instead. */
export async function detectFormat(source: ByteSource): Promise<CheckpointFormat> {
  if (source.size === 0) throw new CheckpointError('is empty: fetch it again');
  const head = await source.read(0, Math.min(FILE_HEAD, source.size));
  const kind = fileKind(head);
  if (kind === 'tar' && OLD_TORCH_MEMBER.test(Buffer.from(head).toString('latin1')))
    throw new CheckpointError(
      'is in the tar format of PyTorch 0.1: load it with an old PyTorch and save its state_dict() with torch.save again',
    );
  const verdict = VERDICTS[kind];
  if (verdict === undefined) throw new CheckpointError(`is no checkpoint igd knows: it starts with ${describe(head)}`);
  if ('refusal' in verdict) throw new CheckpointError(verdict.refusal);
  return verdict.format;
}

function describe(head: Uint8Array): string {
  const start = Buffer.from(head.subarray(0, 16));
  const text = start.toString('latin1');
  return /^[\x20-\x7e\s]+$/.test(text) ? `the text ${JSON.stringify(text)}` : `the bytes ${start.toString('hex')}`;
}
