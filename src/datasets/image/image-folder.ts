import type { Dataset, DatasetSpec } from '../dataset.ts';
import { encodedImages } from './encoded-images.ts';
import { indexImages } from './index-images.ts';

/**
 * A folder of class folders, as torchvision's ImageFolder reads it, or an uncompressed tar archive of one. Only names and
 * labels are kept: an image is read, decoded and preprocessed each time it is asked for. Throws DatasetError.
 */
export async function readImageFolder(spec: DatasetSpec<'imagefolder'>): Promise<Dataset> {
  const { path, preprocessing } = spec;
  const { images, classes, classNames, notes, read } = await indexImages(spec);
  const names = images.map(({ name }) => name);
  const labels = Int32Array.from(images, ({ label }) => label);
  return encodedImages({
    ...{ where: path, preprocessing, labels, classes, classNames, names, notes },
    image: (index) => names[index]!,
    read: (index) => read(names[index]!),
  });
}
