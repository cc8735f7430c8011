import { DatasetError } from '../errors.ts';
import { SEVERITIES } from '../schemas/corruption.ts';
import type { Note } from '../schemas/notes.ts';

/** Some of the images of a file, one after the other. */
export interface ImageRange {
  readonly first: number;
  readonly count: number;
}

/**
 * The images of a severity, 1 to 5, in arrays as CIFAR-10-C's: the same images under each severity, one severity after the other, so
 * that labels repeat. Throws DatasetError where they do not.
 */
export function imagesOfSeverity(labels: Int32Array, severity: number, where: string): ImageRange {
  if (!isFiveTimes(labels)) {
    throw new DatasetError(
      `${where}: severity ${severity} was asked for, but its ${labels.length} images are not the same ones under ${SEVERITIES} severities, one after the ` +
        `other, as CIFAR-10-C has them (${labels.length % SEVERITIES === 0 ? 'its labels do not repeat' : `${labels.length} cannot be divided by ${SEVERITIES}`}): ` +
        'leave "severity" out, or give labels.npy and images whole',
    );
  }
  const count = labels.length / SEVERITIES;
  return { first: (severity - 1) * count, count };
}

/** Of CIFAR-10-C and CIFAR-100-C: 10,000 test images, five times. */
const PUBLISHED = 50_000;

/** Says which severities images are of, where a file looks like one of CIFAR-10-C's and nobody asked for a severity. */
export function severityNotes(labels: Int32Array, limit: number | undefined, where: string): Note[] {
  if (labels.length !== PUBLISHED || !isFiveTimes(labels)) return [];
  const each = PUBLISHED / SEVERITIES;
  const last = Math.ceil((limit ?? PUBLISHED) / each);
  const found = last === 1 ? 'severity 1 alone' : `severities 1 to ${last} together`;
  return [
    {
      code: 'severities',
      message:
        `${where} looks like a file of CIFAR-10-C or CIFAR-100-C, the same 10,000 images under five severities of a corruption: these are ${found}; ` +
        'for one of them say "severity": 1 to 5',
    },
  ];
}

function isFiveTimes(labels: Int32Array): boolean {
  const each = labels.length / SEVERITIES;
  return Number.isInteger(each) && labels.every((label, index) => label === labels[index % each]);
}
