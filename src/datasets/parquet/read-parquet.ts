import { basename } from 'node:path';
import { z } from 'zod';
import { DatasetError } from '../../errors.ts';
import { type Dataset, type DatasetSpec, imagesToTake, LARGEST_LABEL } from '../dataset.ts';
import { encodedImages } from '../image/encoded-images.ts';
import { type Columns, columnNotes, sharedColumns } from './columns.ts';
import { openParquet, type ParquetFile, type Row } from './parquet-files.ts';
import { shardsOf } from './shards.ts';

/** An image as `datasets` stores it, or the bytes alone. */
const imageSchema = z.union([
  z.instanceof(Uint8Array),
  z.object({ bytes: z.instanceof(Uint8Array) }).transform((image) => image.bytes),
]);

const labelSchema = z.union([z.bigint().transform(Number), z.int()]);

/** Where an image is. */
interface Place {
  readonly file: ParquetFile;
  readonly row: number;
}

/**
 * Encoded images and labels of a Parquet file, or of a folder of them in the order of their names, as Hugging Face's `datasets`
 * writes them. Only labels are kept: images are read, decoded and preprocessed each time they are asked for. Throws
 * DatasetError.
 */
export async function readParquet(spec: DatasetSpec<'parquet'>): Promise<Dataset> {
  const { path, preprocessing } = spec;
  const { files, columns, places, notes } = await openPlaces(spec);
  const labels = Int32Array.from((await labelsOf(files, columns)).slice(0, places.length));
  const reader = new RowGroups(columns);
  return encodedImages({
    ...{ where: path, preprocessing, labels, ...classesOf(labels, columns), notes },
    image: (index) => nameOf(places[index]!, path),
    read: (index) => reader.image(places[index]!),
  });
}

/** What `digest` makes of each image as it is stored, in order, without a sample; `where` names it. Throws DatasetError. */
export async function parquetDigests(
  spec: DatasetSpec<'parquet'>,
  digest: (bytes: Uint8Array, where: string) => string,
): Promise<string[]> {
  const { columns, places } = await openPlaces(spec);
  const reader = new RowGroups(columns);
  const digests: string[] = [];
  for (const place of places) digests.push(digest(await reader.image(place), `${place.file.path}: row ${place.row}`));
  return digests;
}

/** The files, and where in them the images are that are asked for. */
async function openPlaces(spec: DatasetSpec<'parquet'>) {
  const { path, limit } = spec;
  const { paths, notes } = await shardsOf(spec);
  const files = await Promise.all(paths.map(openParquet));
  const columns = sharedColumns(files, spec);
  const all = files.flatMap((file) => Array.from({ length: file.rows }, (_, row): Place => ({ file, row })));
  const places = all.slice(0, imagesToTake(all.length, limit, path));
  return { files, columns, places, notes: [...notes, ...columnNotes(columns, spec, path)] };
}

async function labelsOf(files: readonly ParquetFile[], { label }: Columns): Promise<number[]> {
  const columns = await Promise.all(
    files.map(async (file) =>
      (await file.read([label], 0, file.rows)).map((row, index) => labelOf(row[label], `${file.path}: row ${index}`)),
    ),
  );
  return columns.flat();
}

function labelOf(value: unknown, where: string): number {
  const parsed = labelSchema.safeParse(value);
  if (!parsed.success) throw new DatasetError(`${where}: has no label`);
  if (Math.abs(parsed.data) > LARGEST_LABEL) throw new DatasetError(`${where}: label ${parsed.data} is no class`);
  if (parsed.data === -1)
    throw new DatasetError(`${where}: has label -1, as splits without labels do: give a split that has them`);
  return parsed.data;
}

/** Without names the highest label says how many classes there are. */
function classesOf(labels: Int32Array, { classNames }: Columns): Pick<Dataset, 'classes' | 'classNames'> {
  return { classes: classNames?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 1), classNames };
}

function nameOf({ file, row }: Place, dataset: string): string {
  return file.path === dataset ? `row ${row}` : `${basename(file.path)}, row ${row}`;
}

/** The rows read last: images are asked for one after the other, and stored together by the hundred. */
class RowGroups {
  readonly #image: string;
  #held: { readonly file: ParquetFile; readonly first: number; readonly rows: Promise<Row[]> } | undefined;

  constructor({ image }: Columns) {
    this.#image = image;
  }

  async image({ file, row }: Place): Promise<Uint8Array> {
    const [first, end] = file.groupOf(row);
    if (this.#held?.file !== file || this.#held.first !== first)
      this.#held = { file, first, rows: file.read([this.#image], first, end) };
    const rows = await this.#held.rows;
    const parsed = imageSchema.safeParse(rows[row - first]?.[this.#image]);
    if (parsed.success) return parsed.data;
    throw new DatasetError(
      `${file.path}: row ${row} holds no image, only its path or nothing: write the file with embed_external_files, as ` +
        'datasets.Dataset.to_parquet does for images in memory',
    );
  }
}
