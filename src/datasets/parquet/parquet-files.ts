import { open } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';
import { DatasetError, messageOf } from '../../errors.ts';
import { fileKind } from '../../numeric/file-kinds.ts';
import { fileError, readHead } from '../files.ts';
import { notImages } from '../other-kinds.ts';

/** A row as columns of values; what they are is for the reader to find out. */
export type Row = Readonly<Record<string, unknown>>;

/** One file of a data set, opened as far as its footer. */
export interface ParquetFile {
  readonly path: string;
  readonly rows: number;
  readonly metadata: FileMetaData;
  /** Rows first to end - 1 with these columns. Throws DatasetError where the file is damaged. */
  read(columns: readonly string[], first: number, end: number): Promise<Row[]>;
  /** The rows that are stored together with this one: reading it reads them all. */
  groupOf(row: number): readonly [first: number, end: number];
}

/** Snappy, what Hugging Face writes, is in the library. */
const COMPRESSORS: Compressors = {
  GZIP: (input) => new Uint8Array(gunzipSync(input)),
  BROTLI: (input) => new Uint8Array(brotliDecompressSync(input)),
};

const READ: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', ...Object.keys(COMPRESSORS)]);

/** Throws DatasetError where it is no Parquet file. */
export async function openParquet(path: string): Promise<ParquetFile> {
  const file = await bufferOf(path);
  const said = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof DatasetError) throw cause;
      throw new DatasetError(`${path}: is no Parquet file, or damaged (${messageOf(cause)}); get it again`, { cause });
    }
  };
  const kind = fileKind(await readHead(path));
  if (kind !== 'parquet' && kind !== 'other') throw notImages(path, kind);
  const metadata = await said(parquetMetadataAsync(file));
  requireReadable(metadata, path);
  const groups = groupsOf(metadata);
  return {
    path,
    rows: Number(metadata.num_rows),
    metadata,
    read: (columns, rowStart, rowEnd) =>
      said(
        parquetReadObjects({
          ...{ file, metadata, columns: [...columns], rowStart, rowEnd },
          ...{ compressors: COMPRESSORS, utf8: false },
        }),
      ),
    groupOf: (row) => groups.find(([first, end]) => row >= first && row < end) ?? [row, row + 1],
  };
}

/** Throws DatasetError for a compression that Node.js 20 does not undo. */
function requireReadable({ row_groups: groups }: FileMetaData, path: string): void {
  const codecs = groups.flatMap(({ columns }) => columns.flatMap(({ meta_data: column }) => column?.codec ?? []));
  const other = codecs.find((codec) => !READ.has(codec));
  if (other === undefined) return;
  throw new DatasetError(
    `${path}: is compressed by ${other}, which is not read here: write it anew with compression="snappy"`,
  );
}

function groupsOf({ row_groups: groups }: FileMetaData): (readonly [number, number])[] {
  let first = 0;
  return groups.map(({ num_rows: rows }) => {
    const start = first;
    first += Number(rows);
    return [start, first] as const;
  });
}

/** The library's own reader of files leaves a stream open where one ends early; this one opens the file for each piece. */
async function bufferOf(path: string): Promise<AsyncBuffer> {
  const size = async () => {
    await using file = await open(path);
    return (await file.stat()).size;
  };
  const byteLength = await size().catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  return {
    byteLength,
    async slice(start, end = byteLength) {
      await using file = await open(path);
      const bytes = new Uint8Array(end - start);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
        if (bytesRead === 0) throw new DatasetError(`${path}: became shorter while it was read; try again`);
        length += bytesRead;
      }
      return bytes.buffer;
    },
  };
}
