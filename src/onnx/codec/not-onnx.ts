/** How a file starts that is no ONNX model, as latin1 text, and what to do about it. */
const OTHERS: readonly (readonly [matches: (start: string) => boolean, what: string])[] = [
  [(start) => start === '', 'it is empty; get it again'],
  // Repositories of models keep their .onnx files in Git LFS: a plain clone has these three lines instead.
  [
    (start) => start.startsWith('version https://git-lfs.github.com/spec/'),
    'it is a Git LFS pointer, not the file itself; run `git lfs pull` where it comes from',
  ],
  [
    (start) => /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml)/i.test(start),
    'it is a web page (HTML); the download was refused? Get it again',
  ],
  [
    (start) => start.startsWith('PK\x03\x04') || start[0] === '\x80' || start.startsWith('\0\0{"', 6),
    'it looks like a checkpoint of PyTorch or safetensors; give it a name that ends in .pt or .safetensors',
  ],
  [
    (start) => start.startsWith('\x89HDF') || start.startsWith('TFL3', 4),
    'it is a model of Keras or TensorFlow Lite; convert it with tf2onnx',
  ],
  [(start) => start.startsWith('\x1f\x8b'), 'it is compressed with gzip; unpack it first'],
  // Field 1 of a ModelProto, ir_version: exporters write it first, so it is one, and its end is not there.
  [(start) => start[0] === '\x08', 'it was probably cut off while it was copied or downloaded; get it again'],
];

const HEAD = 256;

/** What bytes that could not be read as an ONNX model are instead, and the way out; undefined where their start does not tell. */
export function insteadOfOnnx(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, HEAD));
  return OTHERS.find(([matches]) => matches(start))?.[1];
}
