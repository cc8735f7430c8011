import { DatasetError } from '../errors.ts';
import type { FileKind } from '../numeric/file-kinds.ts';

const packed = (kind: string) => `is compressed with ${kind}; unpack it first`;
const format = (kind: string, name: string) => `is ${kind}; its format is "${name}"`;
const SAVE = 'numpy.savez("images.npz", x=x, y=y)';
const image = (kind: string) =>
  `is one image (${kind}); put images into a folder for each class, and give the folder above with the format "imagefolder"`;
const model = (kind: string) => `is ${kind}, not images; give the data beside it`;
const CHECKPOINT = 'a checkpoint of PyTorch';

/** What a file is that a reader of images cannot read, and the way out. */
const INSTEAD: Readonly<Record<Exclude<FileKind, 'other'>, string>> = {
  empty: 'is empty: it holds no images; get it again',
  'git-lfs': 'is a Git LFS pointer, not the file itself; run `git lfs pull` where it comes from',
  'web-page': 'is a web page (HTML), not data: a download went wrong; get the file again',
  npy: format('a .npy', 'npy'),
  npz: format('an .npz', 'npy'),
  parquet: format('a Parquet file', 'parquet'),
  idx: format('an idx file (MNIST)', 'idx'),
  tar: 'is a tar archive; where it holds a folder for each class, its format is "imagefolder", else unpack it first',
  hdf5: `is an HDF5 file; with h5py: f = h5py.File(path); x = f["images"][:]; y = f["labels"][:]; ${SAVE}`,
  mat: `is a MATLAB file; with SciPy: m = scipy.io.loadmat(path); x = m["X"].transpose(3, 2, 0, 1); y = m["y"]; ${SAVE}, labels counted from 0`,
  'mat-7.3': `is a MATLAB file of version 7.3; with h5py, which reverses its axes: f = h5py.File(path); x = f["X"][:]; y = f["y"][:]; ${SAVE}`,
  arrow:
    'is an Arrow file; write it as Parquet: datasets.Dataset.from_file(path).to_parquet("images.parquet"), or pyarrow.feather.read_table',
  tfrecord: `is a TFRecord file; read it with TensorFlow (tfds.as_numpy), and ${SAVE}`,
  png: image('PNG'),
  jpeg: image('JPEG'),
  webp: image('WebP'),
  gif: image('GIF, which has to be converted to PNG'),
  zip: 'is a zip archive; unpack it first',
  'empty-zip': 'is an empty zip archive; get it again',
  gzip: packed('gzip'),
  '7z': 'is a 7z archive; unpack it first',
  rar: 'is a RAR archive; unpack it first',
  xz: packed('xz'),
  bzip2: packed('bzip2'),
  zstandard: packed('Zstandard'),
  'torch-zip': `is ${CHECKPOINT}, or tensors that it saved; of tensors: numpy.save("x.npy", torch.load(path).numpy())`,
  safetensors: model(`${CHECKPOINT} or others (safetensors)`),
  onnx: model('a model (ONNX)'),
  tflite: model('a model (TensorFlow Lite)'),
  pickle: `is a pickle, which igd reads of CIFAR only (formats "cifar10", "cifar100"); else load it with Python, and ${SAVE}`,
  text: `is a text, not images; of numbers (CSV): a = numpy.loadtxt(path, delimiter=","); x = a[:, 1:].reshape(-1, 1, 28, 28).astype("uint8"); y = a[:, 0].astype(int); ${SAVE}`,
};

/** The refusal of a file of images by what it is. */
export function notImages(path: string, kind: Exclude<FileKind, 'other'>): DatasetError {
  return new DatasetError(`${path}: ${INSTEAD[kind]}`);
}
