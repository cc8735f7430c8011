import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import { read, refusal } from './support/read.ts';

describe('files that are something else', () => {
  const tar = (name: string) =>
    Buffer.concat([Buffer.from(name.padEnd(257, '\0')), Buffer.from('ustar\x0000'.padEnd(255, '\0'))]);
  it.each([
    ['an HTML page', '<html>Google Drive - Virus scan warning</html>', 'looks like an HTML page'],
    ['an HTML page after blanks', '\uFEFF\n  <!DOCTYPE html><body>', 'looks like an HTML page'],
    ['an XML error', '<?xml version="1.0"?><Error>AccessDenied</Error>', 'looks like an HTML page'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n', 'git lfs pull'],
    ['nothing', '', 'is empty'],
    ['text', 'hello', 'it starts with the text "hello"'],
    ['one byte', Buffer.of(1), 'it starts with the bytes 01'],
    ['an old PyTorch tar', tar('sys_info'), 'tar format of PyTorch 0.1'],
    ['a tar archive', tar('model/weights.pt'), 'is a tar archive: unpack it'],
    ['a gzip archive', Buffer.of(0x1f, 0x8b, 8, 0), 'is a gzip archive'],
    ['a 7z archive', Buffer.of(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), 'is a 7z archive'],
    ['a RAR archive', 'Rar!\x1a', 'is a RAR archive'],
    ['an xz archive', Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'is a xz archive'],
    ['a bzip2 archive', 'BZh91AY', 'is a bzip2 archive'],
    ['a Zstandard archive', Buffer.of(0x28, 0xb5, 0x2f, 0xfd), 'is a Zstandard archive'],
    [
      'an HDF5 file',
      Buffer.of(0x89, 0x48, 0x44, 0x46),
      'HDF5 file (Keras?): igd reads PyTorch, safetensors and ONNX files; convert it',
    ],
    ['a TensorFlow Lite model', '\x1c\0\0\0TFL3', 'is a TensorFlow Lite model'],
    ['a NumPy array', Buffer.from('\x93NUMPY\x01', 'latin1'), 'NumPy array'],
    ['an image', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'is an image, not a checkpoint'],
    ['a Parquet file', 'PAR1\x15\x04', 'is a Parquet file, not a checkpoint'],
    ['an ONNX graph', Buffer.of(8, 7, 0x12, 7), 'looks like an ONNX graph'],
    ['a plain pickle', Buffer.from('\x80\x04K\x01.', 'latin1'), 'not one torch.save wrote'],
    ['a zip file cut short', Buffer.of(0x50, 0x4b, 3, 4, 0), 'cut short or damaged'],
  ])('%s', async (_, content, message) => {
    expect(await refusal(read(Buffer.from(content)))).toContain(message);
  });
});

describe('paths', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'igd-checkpoints-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('every error starts with the path', async () => {
    const path = join(folder, 'page.pt');
    writeFileSync(path, '<html></html>');
    const message = 'looks like an HTML page, not a checkpoint: the download was refused? Fetch it again';
    expect(await refusal(readCheckpoint(path))).toBe(`${path}: ${message}`);
  });

  it('a missing file, a directory, a path through a file, a device', async () => {
    const missing = join(folder, 'missing.pt');
    expect(await refusal(readCheckpoint(missing))).toBe(`${missing}: no such file`);
    expect(await refusal(readCheckpoint(folder))).toContain('is a directory: give the checkpoint file in it');
    expect(await refusal(readCheckpoint(join(folder, 'page.pt', 'x')))).toContain('no such file');
    expect(await refusal(readCheckpoint('/dev/null'))).toContain('is not a regular file');
    expect(await refusal(readCheckpoint('a\0b'))).toContain('without null bytes');
  });

  it('an ONNX graph belongs elsewhere', async () => {
    expect(await refusal(readCheckpoint(join(folder, 'net.onnx')))).toContain('is an ONNX graph');
  });
});
