/**
 * What a file is by how it starts, whatever its name: what the readers of data, checkpoints and graphs read, and what people give
 * them instead.
 */
export type FileKind =
  | 'empty'
  | 'git-lfs'
  | 'web-page'
  | 'npy'
  | 'npz'
  | 'torch-zip'
  | 'zip'
  | 'empty-zip'
  | 'hdf5'
  | 'mat'
  | 'mat-7.3'
  | 'parquet'
  | 'arrow'
  | 'tfrecord'
  | 'png'
  | 'jpeg'
  | 'webp'
  | 'gif'
  | 'tar'
  | '7z'
  | 'rar'
  | 'xz'
  | 'zstandard'
  | 'tflite'
  | 'safetensors'
  | 'gzip'
  | 'bzip2'
  | 'pickle'
  | 'idx'
  | 'onnx'
  | 'text'
  | 'other';

/** Enough of a file to tell its kind. */
export const FILE_HEAD = 512;

interface Signature {
  readonly kind: FileKind;
  /** `text` is the head, a character a byte. */
  readonly matches: (text: string, head: Uint8Array) => boolean;
  /** So short that bytes of another kind without a signature, such as pixels, may start so by chance. */
  readonly isShort?: true;
}

const starting =
  (...starts: readonly string[]) =>
  (text: string) =>
    starts.some((start) => text.startsWith(start));

/** The name of a zip's first member, after 30 bytes of its header. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.7 */
const firstMember = (text: string) =>
  text.startsWith('PK\x03\x04') ? text.slice(30, 30 + text.charCodeAt(26) + 256 * text.charCodeAt(27)) : '';

/** Tried in order, the first match decides. */
const SIGNATURES: readonly Signature[] = [
  { kind: 'empty', matches: (text) => text === '' },
  { kind: 'git-lfs', matches: starting('version https://git-lfs.github.com/spec/') },
  // S3 and its like answer in XML.
  { kind: 'web-page', matches: (text) => /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml)/i.test(text) },
  { kind: 'npy', matches: starting('\x93NUMPY') },
  { kind: 'npz', matches: (text) => firstMember(text).endsWith('.npy') },
  {
    kind: 'torch-zip',
    matches: (text) => /(?:^|\/)(?:data\.pkl|data\/\d+|version|\.format_version)$/.test(firstMember(text)),
  },
  { kind: 'zip', matches: starting('PK\x03\x04') },
  { kind: 'empty-zip', matches: starting('PK\x05\x06') },
  { kind: 'hdf5', matches: starting('\x89HDF') },
  { kind: 'mat-7.3', matches: starting('MATLAB 7.3 MAT-file') },
  { kind: 'mat', matches: starting('MATLAB 5.0 MAT-file') },
  { kind: 'parquet', matches: starting('PAR1', 'PARE') },
  // Files, Feather 1, and streams, which is what Hugging Face's `datasets` keeps in its cache.
  {
    kind: 'arrow',
    matches: (text) =>
      starting('ARROW1', 'FEA1')(text) || (text.startsWith('\xff\xff\xff\xff') && text.startsWith('\0\0\x10\0\0\0', 6)),
  },
  { kind: 'tfrecord', matches: (_, head) => startsTfRecord(head) },
  { kind: 'png', matches: starting('\x89PNG\r\n\x1a\n') },
  { kind: 'webp', matches: (text) => text.startsWith('RIFF') && text.startsWith('WEBP', 8) },
  { kind: 'gif', matches: starting('GIF87a', 'GIF89a') },
  { kind: 'tar', matches: (text) => text.startsWith('ustar', 257) },
  { kind: '7z', matches: starting('7z\xbc\xaf\x27\x1c') },
  { kind: 'rar', matches: starting('Rar!') },
  { kind: 'xz', matches: starting('\xfd7zXZ\0') },
  { kind: 'zstandard', matches: starting('\x28\xb5\x2f\xfd') },
  { kind: 'tflite', matches: (text) => text.startsWith('TFL3', 4) },
  // The length of the header as 8 bytes, little endian, then the header, a JSON object.
  { kind: 'safetensors', matches: (text) => text.startsWith('\0\0{', 6), isShort: true },
  { kind: 'jpeg', matches: starting('\xff\xd8\xff'), isShort: true },
  { kind: 'gzip', matches: starting('\x1f\x8b'), isShort: true },
  { kind: 'bzip2', matches: starting('BZh'), isShort: true },
  { kind: 'pickle', matches: startsPickle, isShort: true },
  // http://yann.lecun.com/exdb/mnist: two zeros, the type of the elements, the number of axes.
  { kind: 'idx', matches: (_, head) => startsIdx(head), isShort: true },
  // ModelProto: field 1 (ir_version), then field 2 (producer_name) or 7 (graph).
  {
    kind: 'onnx',
    matches: (_, [first, version = 0, next]) => first === 0x08 && version < 0x40 && (next === 0x12 || next === 0x3a),
    isShort: true,
  },
  { kind: 'text', matches: (_, head) => isText(head), isShort: true },
];

/** What the first bytes of a file (`FILE_HEAD`, or all there are) say it is. */
export function fileKind(head: Uint8Array): FileKind {
  return signatureOf(head)?.kind ?? 'other';
}

/** The same, but `other` where only two or three bytes say so: for readers of bytes that have no signature of their own. */
export function surelyFileKind(head: Uint8Array): FileKind {
  const signature = signatureOf(head);
  return signature === undefined || signature.isShort === true ? 'other' : signature.kind;
}

function signatureOf(head: Uint8Array): Signature | undefined {
  const start = head.subarray(0, FILE_HEAD);
  const text = String.fromCharCode(...start);
  return SIGNATURES.find(({ matches }) => matches(text, start));
}

/**
 * Protocol 2 to 5; 0 and 1 where they begin with a dict or a list, or with torch's magic number. Python writes a memo entry after
 * the first container.
 */
function startsPickle(text: string): boolean {
  if (text[0] === '\x80') return text.charCodeAt(1) <= 5;
  return /^\([dl]p\d+\n/.test(text) || STARTS_OF_OLD_PICKLES(text);
}

function startsIdx([zero, alsoZero, type = 0, axes = 0]: Uint8Array): boolean {
  return zero === 0 && alsoZero === 0 && IDX_TYPES.has(type) && axes >= 1 && axes <= 4;
}

/** Of elements: unsigned and signed bytes, int16, int32, float32, float64. */
const IDX_TYPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e]);

function isText(head: Uint8Array): boolean {
  return head.length >= 4 && head.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));
}

const STARTS_OF_OLD_PICKLES = starting('}q\0', '}q\x01', ']q\0', ']q\x01', 'L119547037146038801333356L\n');

/** Each record is its length in 8 bytes, little endian, the masked CRC-32C of these, and the data. https://www.tensorflow.org/tutorials/load_data/tfrecord */
function startsTfRecord(head: Uint8Array): boolean {
  if (head.length < 12) return false;
  const crc = crc32c(head.subarray(0, 8));
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  return new DataView(head.buffer, head.byteOffset).getUint32(8, true) === masked;
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
