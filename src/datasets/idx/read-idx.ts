import { constants } from 'node:buffer';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { DatasetError, messageOf } from '../../errors.ts';
import { fileKind } from '../../numeric/file-kinds.ts';
import { decodeIdx, idxSize } from '../../numeric/idx.ts';
import type { Tensor } from '../../numeric/tensor.ts';
import type { Note } from '../../schemas/notes.ts';
import { labelled } from '../array-labels.ts';
import { type Dataset, type DatasetSpec, datasetOf } from '../dataset.ts';
import { MAX_DEFLATE_RATIO, readBytes } from '../files.ts';
import { imagesOf } from '../npy-images.ts';
import { notImages } from '../other-kinds.ts';
import { type IdxFiles, idxFiles } from './idx-files.ts';

const gunzip = promisify(zlib.gunzip);

/**
 * Images and labels of idx files, as MNIST, Fashion-MNIST, KMNIST and EMNIST are published, compressed by gzip or not: `path` is the file
 * of images, or a folder of them. Throws DatasetError, or InputError where a file is cut off or of another kind.
 */
export async function readIdx(spec: DatasetSpec<'idx'>): Promise<Dataset> {
  const files = await idxFiles(spec);
  const array = await readArray(files.images);
  if (array.dims.length === 1)
    throw new DatasetError(`${files.images}: is a file of labels; give that of the images (-images-idx3-ubyte)`);
  const images = imagesOf(array, files.images);
  const where = { path: files.images, where: files.labels };
  const facts = await labelled(await readArray(files.labels), array.dims[0]!, where);
  const notes = [...(images.notes ?? []), ...notesOn(files)];
  return datasetOf({ ...images, ...facts, notes }, spec.limit, files.images);
}

function notesOn({ images, labels, isFound }: IdxFiles): Note[] {
  const found = { code: 'labels-beside', message: `labels of ${images} are those of ${basename(labels)} beside it` };
  const turned = {
    code: 'emnist-transposed',
    message:
      `${images} looks like EMNIST, whose images are stored with rows and columns exchanged: they are read as they are stored, as torchvision reads them. ` +
      'If the model was trained on upright ones, write them with numpy: x.transpose(0, 1, 3, 2)',
  };
  return [...(isFound ? [found] : []), ...(/^emnist/i.test(basename(images)) ? [turned] : [])];
}

async function readArray(path: string): Promise<Tensor> {
  const bytes = await idxBytes(await readBytes(path), path);
  const kind = fileKind(bytes);
  if (kind !== 'idx' && kind !== 'other') throw notImages(path, kind);
  return decodeIdx(bytes, path);
}

/** Compressed bytes that have the whole of a header, whatever gzip says before it. */
const COMPRESSED_HEAD = 4096;

/** Unpacks gzip, but no more than the header says that there is. */
async function idxBytes(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  if (fileKind(bytes) !== 'gzip') return bytes;
  try {
    const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
    const head = await gunzip(bytes.subarray(0, COMPRESSED_HEAD), options);
    const kind = fileKind(head);
    if (kind !== 'idx' && kind !== 'other') throw notImages(`${path}, unpacked`, kind);
    const size = idxSize(head, path);
    if (size > constants.MAX_LENGTH || size > bytes.length * MAX_DEFLATE_RATIO)
      throw new DatasetError(`${path}: says that it holds ${size} bytes, which it cannot; get it again`);
    return await gunzip(bytes, { maxOutputLength: size });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause)
      throw new DatasetError(
        `${path}: ${CODES[String(cause.code)] ?? `is damaged (${messageOf(cause)})`}; get it again`,
        {
          cause,
        },
      );
    throw cause;
  }
}

const CODES: Readonly<Record<string, string>> = {
  ERR_BUFFER_TOO_LARGE: 'holds more than its header says',
  Z_BUF_ERROR: 'is cut off',
};
