import { DatasetError } from '../errors.ts';
import { sizeOf, type Tensor, toNumbers } from '../numeric/tensor.ts';
import { SEVERITIES } from '../schemas/corruption.ts';
import { CLASSES_FILE, ownClassNames, readBeside } from './archive-members.ts';
import { type DatasetFacts, LARGEST_LABEL } from './dataset.ts';

/**
 * Labels of an array for `count` images at `path`, and their classes: those of a classes.txt beside the images, else as many as the
 * highest label says. Throws DatasetError; `where` names the labels in it.
 */
export async function labelled(
  tensor: Tensor,
  count: number,
  { path, where }: { readonly path: string; readonly where: string },
): Promise<Pick<DatasetFacts, 'labels' | 'classes' | 'classNames'>> {
  const labels = labelsOf(tensor, count, where);
  if (labels.length !== count) {
    const way =
      count === labels.length * SEVERITIES
        ? 'of five severities of a corruption, as CIFAR-10-C has them: numpy.save("y.npy", numpy.tile(y, 5))'
        : 'give one label an image';
    throw new DatasetError(`${path}: ${count} images but ${labels.length} labels; ${way}`);
  }
  const classNames = ownClassNames(await readBeside(path, [CLASSES_FILE]), path);
  const classes = classNames?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 1);
  return { labels, classes, classNames };
}

const INTEGERS: ReadonlySet<Tensor['type']> = new Set([
  ...(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const),
]);

/** Keras and MedMNIST save labels as [N, 1], which is as good as [N]. */
function labelsOf(tensor: Tensor, count: number, where: string): Int32Array {
  const { type, dims } = tensor;
  if (!INTEGERS.has(type) || dims.length === 0 || dims.slice(1).some((dim) => dim !== 1)) {
    const advice = insteadOfLabels(tensor, count);
    throw new DatasetError(`${where}: labels of ${type} [${dims.join(', ')}] cannot be used; ${advice}`);
  }
  const labels = toNumbers(tensor);
  const index = labels.findIndex((label) => label < 0 || label > LARGEST_LABEL);
  if (index < 0) return Int32Array.from(labels);
  throw new DatasetError(`${where}: label ${labels[index]} of image ${index} is no class; number the classes from 0`);
}

/** Elements that are looked at for that: an array of numbers holds no more than twice as many, and more are images in the place of labels. */
const LOOKED_AT = 2 ** 26;

/** The line of numpy that makes labels of them, where one does. */
function insteadOfLabels(tensor: Tensor, count: number): string {
  const { dims } = tensor;
  const [rows = 0, columns = 0] = dims;
  const isTable = dims.length === 2 && columns > 1;
  const isColumn = rows > 0 && dims.slice(1).every((dim) => dim === 1);
  if (!(isTable || isColumn) || sizeOf(dims) > LOOKED_AT) return SAVE;
  const values = toNumbers(tensor);
  if (dims.length === 2 && rows === 1 && columns === count && count > 1)
    return 'they are one row; numpy.save("y.npy", y.reshape(-1))';
  if (isTable) {
    if (isOneHot(values, columns)) return 'they are one-hot; numpy.save("y.npy", y.argmax(1))';
    return (
      `they are ${columns} an image (multi-label?), where igd evaluates one class an image; ` +
      'if one column is the class, e.g. the first: numpy.save("y.npy", y[:, 0])'
    );
  }
  return values.every(Number.isInteger) ? 'numpy.save("y.npy", y.astype("int64"))' : SAVE;
}

const SAVE = "save integers [N], the number of each image's class";

/** Whether each row has a single 1, and else zeros. */
function isOneHot(values: readonly number[], columns: number): boolean {
  const isOne = (cells: readonly number[]) =>
    cells.filter((cell) => cell === 1).length === 1 && cells.every((cell) => cell === 0 || cell === 1);
  const rows = Array.from({ length: values.length / columns });
  return rows.length > 0 && rows.every((_, row) => isOne(values.slice(row * columns, (row + 1) * columns)));
}
