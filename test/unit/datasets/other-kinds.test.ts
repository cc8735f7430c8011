import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { fileKind } from '../../../src/numeric/file-kinds.ts';
import { expectRefusal, put, records, tarOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const zipOf = (name: string) => {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name)]);
};
const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** How a file of events of TensorBoard starts: a record of 24 bytes, and the masked CRC-32C of that. */
const TFRECORD = Buffer.from('1800000000000000a37f4b220900', 'hex');

const KINDS: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] = [
  ['nothing', latin1(''), /is empty: it holds no images/],
  ['pointer', latin1('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'), /run `git lfs pull`/],
  ['page', latin1('<!DOCTYPE html><title>Sign in</title>'), /is a web page \(HTML\)/],
  ['error', latin1('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), /is a web page/],
  ['array', latin1('\x93NUMPY\x01'), /its format is "npy"/],
  ['arrays', zipOf('x_test.npy'), /its format is "npy"/],
  ['weights', zipOf('archive/data.pkl'), /is a checkpoint of PyTorch/],
  ['other-zip', zipOf('photos/1.jpg'), /is a zip archive; unpack it/],
  ['keras', latin1('\x89HDF\r\n\x1a\n'), /is an HDF5 file; with h5py: .*numpy\.savez/],
  ['matlab', latin1('MATLAB 5.0 MAT-file, Platform: GLNXA64'), /is a MATLAB file; with SciPy: .*loadmat/],
  ['matlab-7.3', latin1('MATLAB 7.3 MAT-file, Platform: GLNXA64'), /of version 7\.3; with h5py/],
  ['parquet', latin1('PAR1\x15\x04'), /its format is "parquet"/],
  ['arrow', latin1('ARROW1\0\0'), /is an Arrow file; write it as Parquet/],
  ['arrow-stream', latin1('\xff\xff\xff\xff\xa8\x01\0\0\x10\0\0\0\0\0'), /is an Arrow file/],
  ['tfrecord', TFRECORD, /is a TFRecord file/],
  ['png', latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), /is one image \(PNG\); .*"imagefolder"/],
  ['jpeg', latin1('\xff\xd8\xff\xe0\0\x10JFIF'), /is one image \(JPEG\)/],
  ['webp', latin1('RIFF\x10\0\0\0WEBPVP8 '), /is one image \(WebP\)/],
  ['gif', latin1('GIF89a'), /is one image \(GIF/],
  ['7z', latin1('7z\xbc\xaf\x27\x1c'), /is a 7z archive/],
  ['rar', latin1('Rar!\x1a\x07'), /is a RAR archive/],
  ['xz', latin1('\xfd7zXZ\0'), /compressed with xz/],
  ['bzip2', latin1('BZh91AY&SY'), /compressed with bzip2/],
  ['zstandard', latin1('\x28\xb5\x2f\xfd'), /compressed with Zstandard/],
  ['safetensors', latin1('\x40\0\0\0\0\0\0\0{"__metadata__":'), /safetensors\), not images/],
  ['onnx', latin1('\x08\x08\x12\x07pytorch'), /is a model \(ONNX\)/],
  ['tflite', latin1('\x1c\0\0\0TFL3'), /is a model \(TensorFlow Lite\)/],
  ['idx', latin1('\0\0\x08\x03\0\0\0\x01\0\0\0\x1c\0\0\0\x1c'), /its format is "idx"/],
  ['table', latin1('label,pixel0,pixel1\n5,0,255\n'), /is a text, not images; of numbers \(CSV\)/],
];

describe('files of another kind are told by their content', () => {
  it.each(KINDS)('%s', async (name, bytes, says) => {
    const path = await put(folder, name, bytes);
    await expectRefusal(openDataset({ format: 'cifar10', path, split: 'test' }), path, says);
    // A file of records may have any name; this one is of no whole number of them.
    const binary = await put(folder, `${name}.bin`, bytes);
    await expectRefusal(openDataset({ format: 'cifar100', path: binary, split: 'test' }), binary, says);
  });

  it.each(KINDS.filter(([name]) => !/array|parquet|zip/.test(name)))(
    '%s, for the other formats',
    async (name, bytes, says) => {
      const path = await put(folder, `other-${name}`, bytes);
      for (const format of ['npy', 'imagefolder', 'parquet'] as const) {
        const isArchive = format === 'imagefolder' && /7z|rar|xz|bzip2|zstandard/.test(name);
        await expectRefusal(
          openDataset({ format, path, split: 'test' }),
          path,
          isArchive ? /compressed archive/ : says,
        );
      }
    },
  );

  it('a tar of no class folders', async () => {
    const path = await put(folder, 'batches.tar', await tarOf({ 'test_batch.bin': records([1]) }));
    await expectRefusal(openDataset({ format: 'cifar10', path, split: 'test' }), path, /is a tar archive/);
  });

  it('a member of a folder, and labels', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n';
    const own = temporaryFolder();
    for (const name of ['test_batch.bin', 'test_batch']) await put(own, name, pointer);
    await expectRefusal(openDataset({ format: 'cifar10', path: own, split: 'test' }), own, /git lfs pull/);
    const labels = await put(own, 'y.npy', pointer);
    const path = await put(own, 'x.npy', latin1('\x93NUMPY\x01'));
    await expectRefusal(openDataset({ format: 'npy', path, labels, split: 'test' }), join(own, 'x.npy'), /header/);
    await expectRefusal(openDataset({ format: 'npy', path: labels, labels, split: 'test' }), labels, /git lfs pull/);
  });

  it('records whose first bytes are those of another kind are records', async () => {
    const record = records([0]);
    record.set([0, 0, 8, 3, 0]);
    expect(fileKind(record)).toBe('idx');
    const path = await put(folder, 'dark', record);
    expect(await openDataset({ format: 'cifar10', path, split: 'test' })).toMatchObject({ count: 1 });
  });
});
