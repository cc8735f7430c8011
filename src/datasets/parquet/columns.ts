import { type FileMetaData, parquetSchema } from 'hyparquet';
import { z } from 'zod';
import { DatasetError } from '../../errors.ts';
import type { Note } from '../../schemas/notes.ts';

/** The columns that are read, and what the file says of its classes. */
export interface Columns {
  readonly image: string;
  readonly label: string;
  readonly classNames?: readonly string[] | undefined;
  /** Whether the file says that these are images and labels; else they are the only columns that can be. */
  readonly isSaid: boolean;
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
 * The columns of all files of a data set. Throws DatasetError where a file has others than the first, or its classes in another order: its
 * labels would be other classes.
 */
export function sharedColumns(
  files: readonly { readonly path: string; readonly metadata: FileMetaData }[],
  named: NamedColumns,
): Columns {
  const all = files.map(({ path, metadata }) => ({ path, columns: columnsOf(metadata, named, path) }));
  const { path: firstPath, columns: first } = all[0]!;
  for (const { path, columns } of all) {
    if (columns.image !== first.image || columns.label !== first.label)
      throw new DatasetError(
        `${path}: its columns are "${columns.image}" and "${columns.label}", those of ${firstPath} "${first.image}" and "${first.label}"; ` +
          'give files of one data set, or name the columns',
      );
    const place = placeOfOther(columns.classNames ?? [], first.classNames ?? []);
    if (place !== undefined)
      throw new DatasetError(
        `${path}: class ${place} is ${nameAt(columns, place)}, in ${firstPath} ${nameAt(first, place)}: their labels are not of the same classes; ` +
          'give files of one data set',
      );
  }
  return first;
}

function placeOfOther(names: readonly string[], others: readonly string[]): number | undefined {
  const places = Array.from({ length: Math.max(names.length, others.length) }, (_, place) => place);
  return places.find((place) => names[place] !== others[place]);
}

function nameAt({ classNames }: Columns, place: number): string {
  const name = classNames?.[place];
  return name === undefined ? 'without a name' : `"${name}"`;
}

/** What columns of labels are called. */
const LABEL_NAME = /label|class|target|category|^y$/i;

/** Says which column was taken for labels, where nothing but its type speaks for it. */
export function columnNotes({ label, isSaid }: Columns, { labelColumn }: NamedColumns, path: string): Note[] {
  if (isSaid || labelColumn !== undefined || LABEL_NAME.test(label)) return [];
  const message = `labels of ${path} are its column "${label}", the only one of whole numbers; if it is not, write the labels as one, and name it as "labelColumn"`;
  return [{ code: 'label-column', message }];
}

/**
 * The column of images and that of labels: the ones named, or the only ones that can be it. Throws DatasetError, naming those there
 * are, where that is none or several.
 */
function columnsOf(metadata: FileMetaData, named: NamedColumns, path: string): Columns {
  const features = featuresOf(metadata);
  const columns = parquetSchema(metadata).children;
  const images = columns.filter(({ element, children }) =>
    children.length === 0 ? isBytes(element) : children.some((child) => child.element.name === 'bytes'),
  );
  const integers = columns.filter(({ element }) => isWhole(element));
  const ofType = (type: string, found: typeof columns) => {
    const names = found.map(({ element }) => element.name);
    const typed = names.filter((name) => features[name]?._type === type);
    return typed.length > 0 ? typed : names;
  };
  const image = only('image', ofType('Image', images), named.imageColumn, path);
  const label = only('label', ofType('ClassLabel', integers), named.labelColumn, path);
  return { image, label, classNames: features[label]?.names, isSaid: features[label]?._type === 'ClassLabel' };
}

type Element = ReturnType<typeof parquetSchema>['element'];

function isBytes({ type, converted_type, logical_type }: Element): boolean {
  return type === 'BYTE_ARRAY' && converted_type === undefined && logical_type === undefined;
}

/** Dates, times and fixed decimals are stored as whole numbers too. */
const NO_LABELS: ReadonlySet<string | undefined> = new Set(['DATE', 'TIME', 'TIMESTAMP', 'DECIMAL']);

function isWhole({ type, converted_type: converted, logical_type: logical }: Element): boolean {
  const isNumber = type === 'INT32' || type === 'INT64';
  return isNumber && !NO_LABELS.has(logical?.type) && !NO_LABELS.has(converted?.replace(/_M\w+$/, ''));
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

/** Lines of Hugging Face's `datasets` that write a column as it is read here. */
const WAYS: Readonly<Record<'image' | 'label', string>> = {
  image: 'write one, d.cast_column("image", datasets.Image()).to_parquet("images.parquet")',
  label: 'write one, d.class_encode_column("label").to_parquet("images.parquet")',
};

function only(what: 'image' | 'label', found: readonly string[], named: string | undefined, path: string): string {
  const list = found.map((name) => `"${name}"`).join(', ') || 'none';
  const kind = what === 'image' ? 'encoded images' : 'whole numbers';
  if (named !== undefined) {
    if (found.includes(named)) return named;
    throw new DatasetError(`${path}: "${named}" is no column of ${kind}; there is ${list}`);
  }
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const way = first === undefined ? WAYS[what] : `name one as "${what}Column"`;
  throw new DatasetError(`${path}: columns of ${kind}: ${list}; ${way}`);
}
