import { type FileMetaData, parquetSchema } from 'hyparquet';
import { z } from 'zod';
import { DatasetError } from '../../errors.ts';

/** The columns that are read, and what the file says of its classes. */
export interface Columns {
  readonly image: string;
  readonly label: string;
  readonly classNames?: readonly string[] | undefined;
}

/** Columns that a user names. */
export interface NamedColumns {
  readonly imageColumn?: string | undefined;
  readonly labelColumn?: string | undefined;
}

/** What Hugging Face's `datasets` writes into the key "huggingface" of a file. */
const featuresSchema = z.object({
  info: z.object({
    features: z.record(z.string(), z.object({ _type: z.string().optional(), names: z.array(z.string()).optional() })),
  }),
});
type Features = z.infer<typeof featuresSchema>['info']['features'];

/**
 * The column of images and that of labels: the ones named, or the only ones that can be it. Throws DatasetError, naming those there
 * are, where that is none or several.
 */
export function columnsOf(metadata: FileMetaData, named: NamedColumns, path: string): Columns {
  const features = featuresOf(metadata);
  const columns = parquetSchema(metadata).children;
  const images = columns.filter(({ element, children }) =>
    children.length === 0 ? isBytes(element) : children.some((child) => child.element.name === 'bytes'),
  );
  const integers = columns.filter(({ element }) => element.type === 'INT32' || element.type === 'INT64');
  const ofType = (type: string, found: typeof columns) => {
    const names = found.map(({ element }) => element.name);
    const typed = names.filter((name) => features[name]?._type === type);
    return typed.length > 0 ? typed : names;
  };
  const image = only('image', ofType('Image', images), named.imageColumn, path);
  const label = only('label', ofType('ClassLabel', integers), named.labelColumn, path);
  return { image, label, classNames: features[label]?.names };
}

function isBytes({ type, converted_type, logical_type }: ReturnType<typeof parquetSchema>['element']): boolean {
  return type === 'BYTE_ARRAY' && converted_type === undefined && logical_type === undefined;
}

function featuresOf({ key_value_metadata: entries = [] }: FileMetaData): Features {
  const written = entries.find(({ key }) => key === 'huggingface')?.value;
  if (written === undefined) return {};
  try {
    return featuresSchema.safeParse(JSON.parse(written)).data?.info.features ?? {};
  } catch {
    return {};
  }
}

function only(what: 'image' | 'label', found: readonly string[], named: string | undefined, path: string): string {
  const list = found.map((name) => `"${name}"`).join(', ') || 'none';
  const kind = what === 'image' ? 'encoded images' : 'whole numbers';
  if (named !== undefined) {
    if (found.includes(named)) return named;
    throw new DatasetError(`${path}: "${named}" is no column of ${kind}; there is ${list}`);
  }
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const way = first === undefined ? 'write one with datasets.Dataset.to_parquet' : `name one as "${what}Column"`;
  throw new DatasetError(`${path}: columns of ${kind}: ${list}; ${way}`);
}
