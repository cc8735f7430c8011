import { crc32, deflateRawSync } from 'node:zlib';

/** A record of a zip file; what is not given is as it should be. */
export interface ZipRecord {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflated?: boolean;
  /** Method, CRC-32, general purpose flags and uncompressed size as the directory tells them. */
  readonly method?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly claimedSize?: number;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_HEADER = 0x02014b50;
const DIRECTORY_END = 0x06054b50;

/** Writes a zip file, well-formed but for what its records claim. */
export function zip(records: readonly ZipRecord[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const record of records) {
    const packed = pack(record);
    const fields = commonFields(record, packed.length);
    const name = Buffer.from(record.name);
    const local = Buffer.concat([uint32(LOCAL_HEADER), fields, name, packed]);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([uint32(DIRECTORY_HEADER), uint16(20), fields, attributes, name]));
    bodies.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(DIRECTORY_END, 0);
  end.writeUInt16LE(records.length, 8);
  end.writeUInt16LE(records.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, ...directory, end]);
}

function pack({ data, deflated, flags = 0 }: ZipRecord): Buffer {
  const encryptionHeader = Buffer.alloc(flags & 1 ? 12 : 0);
  return Buffer.concat([encryptionHeader, deflated ? deflateRawSync(data) : data]);
}

/** The 26 bytes that local and directory headers share: version to extra field length. */
function commonFields(record: ZipRecord, packedLength: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(record.flags ?? 0, 2);
  fields.writeUInt16LE(record.method ?? (record.deflated ? 8 : 0), 4);
  fields.writeUInt32LE(record.crc ?? crc32(record.data), 10);
  fields.writeUInt32LE(packedLength, 14);
  fields.writeUInt32LE(record.claimedSize ?? record.data.length, 18);
  fields.writeUInt16LE(Buffer.byteLength(record.name), 22);
  return fields;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
