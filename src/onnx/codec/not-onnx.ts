import { FILE_HEAD, type FileKind, fileKind } from '../../numeric/file-kinds.ts';

const CHECKPOINT =
  'it looks like a checkpoint of PyTorch or safetensors; give it a name that ends in .pt or .safetensors';
const KERAS = 'it is a model of Keras or TensorFlow Lite; convert it with tf2onnx';
const packed = (kind: string) => `it is compressed with ${kind}; unpack it first`;
const data = (kind: string) => `it is ${kind}, not a model`;

/** What to do about a file that is no ONNX model, by what it is. */
const INSTEAD: Readonly<Partial<Record<FileKind, string>>> = {
  empty: 'it is empty; get it again',
  // Repositories of models keep their .onnx files in Git LFS: a plain clone has these three lines instead.
  'git-lfs': 'it is a Git LFS pointer, not the file itself; run `git lfs pull` where it comes from',
  'web-page': 'it is a web page (HTML); the download was refused? Get it again',
  zip: CHECKPOINT,
  'torch-zip': CHECKPOINT,
  pickle: CHECKPOINT,
  safetensors: CHECKPOINT,
  hdf5: KERAS,
  tflite: KERAS,
  gzip: packed('gzip'),
  xz: packed('xz'),
  bzip2: packed('bzip2'),
  zstandard: packed('Zstandard'),
  '7z': packed('7z'),
  rar: packed('RAR'),
  tar: 'it is a tar archive; unpack it first',
  npy: data('a NumPy array'),
  npz: data('a file of NumPy arrays'),
  png: data('an image'),
  jpeg: data('an image'),
  parquet: data('a Parquet file'),
};

/** What bytes that could not be read as an ONNX model are instead, and the way out; undefined where their start does not tell. */
export function insteadOfOnnx(bytes: Uint8Array): string | undefined {
  const kind = INSTEAD[fileKind(bytes.subarray(0, FILE_HEAD))];
  // Field 1 of a ModelProto, ir_version: exporters write it first, so it is one, and its end is not there.
  const isCut = bytes[0] === 0x08;
  return kind ?? (isCut ? 'it was probably cut off while it was copied or downloaded; get it again' : undefined);
}
