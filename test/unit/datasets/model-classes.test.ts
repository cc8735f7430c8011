import { describe, expect, it } from 'vitest';
import { requireModelClasses } from '../../../src/datasets/model-classes.ts';
import { DatasetError } from '../../../src/errors.ts';

const NPY = { format: 'npy', where: 'y.npy' } as const;

describe('labels of a model', () => {
  it('are its classes', () => {
    const labels = Int32Array.of(0, 2, 4);
    expect(() => requireModelClasses({ labels, classNames: undefined }, 5, NPY)).not.toThrow();
    const narrow = () => requireModelClasses({ labels, classNames: undefined }, 2, NPY);
    expect(narrow).toThrow(DatasetError);
    expect(narrow).toThrow(/^y\.npy has label 2, of image 1, but the model has only 2 classes/);
    expect(() => requireModelClasses({ labels, classNames: undefined }, 1, NPY)).toThrow(/only 1 class,/);
  });

  it('are those of all folders, whose order numbers them', () => {
    const part = { labels: Int32Array.of(0, 1), classNames: ['cat', 'dog'] };
    const folders = { format: 'imagefolder', where: 'images' } as const;
    expect(() => requireModelClasses(part, 2, folders)).not.toThrow();
    expect(() => requireModelClasses(part, 3, folders)).toThrow(/images has 2 classes, the model 3:.*classes\.txt/);
    expect(() => requireModelClasses(part, 3, NPY)).not.toThrow();
  });
});
