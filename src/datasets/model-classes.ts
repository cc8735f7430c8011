import { DatasetError } from '../errors.ts';
import type { DatasetFormat } from '../schemas/config.ts';
import type { Dataset } from './dataset.ts';

/** Throws DatasetError where labels are none of the model's classes, or may be those of others; `where` names the data. */
export function requireModelClasses(
  { labels, classNames }: Pick<Dataset, 'labels' | 'classNames'>,
  classes: number,
  { format, where }: { readonly format: DatasetFormat; readonly where: string },
): void {
  const index = labels.findIndex((label) => label >= classes);
  if (index >= 0) {
    throw new DatasetError(
      `${where} has label ${labels[index]}, of image ${index}, but the model has only ${classes} ` +
        `${classes === 1 ? 'class' : 'classes'}, numbered from 0: give the data it was trained for`,
    );
  }
  // Folders are numbered in their order: those of a part of the classes would get labels of others.
  if (format !== 'imagefolder' || classNames === undefined || classNames.length === classes) return;
  throw new DatasetError(
    `${where} has ${classNames.length} classes, the model ${classes}: for a part of the classes, name the folders of ` +
      'all of them in a classes.txt in it, a line each in the order of the labels',
  );
}
