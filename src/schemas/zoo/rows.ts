import { z } from 'zod';
import { PREPROCESSINGS } from '../config.ts';
import { NORMALIZATIONS } from '../model-options.ts';
import { CIFAR10_CORRUPTIONS, CIFAR10_L2, CIFAR10_LINF } from './cifar10.ts';
import { CIFAR100_CORRUPTIONS, CIFAR100_LINF } from './cifar100.ts';
import { IMAGENET_CORRUPTIONS, IMAGENET_LINF } from './imagenet.ts';
import { ZOO_NETWORKS } from './networks.ts';
import { ZOO_STATISTICS } from './statistics.ts';

/*
 * The tables of cifar10.ts, cifar100.ts and imagenet.ts are facts about RobustBench's models as its repository had them on
 * 2025-03-31 (commit 78fcc9e, MIT): the code in robustbench/model_zoo says how each is built, where its file is and what its
 * images go through, model_info what accuracies were found. Columns lie two spaces apart or more.
 */

const percent = z
  .string()
  .regex(/^\d+\.\d\d$/)
  .transform(Number);
/** Ids of Google Drive, or an address. */
const files = z.string().regex(/^(https:\/\/\S+|[\w-]{33}(,[\w-]{33})*)$/);

const COLUMNS = {
  name: z.string().regex(/^[\w-]+$/),
  /** In RobustBench's words. */
  architecture: z.string(),
  /** How its file is read. */
  network: z.enum(Object.keys(ZOO_NETWORKS)),
  /** What is done to images in [0, 1]; `file` where the file has it, `-` where the model does it itself or is not read. */
  normalization: z.enum([...NORMALIZATIONS, ...Object.keys(ZOO_STATISTICS), 'file', '-']),
  /** What is done to an image of ImageNet before. */
  preprocessing: z.enum(PREPROCESSINGS),
  clean: percent,
  /** Under AutoAttack, with the radius where it is not the leaderboard's; or the mean over corruptions and severities. */
  robust: z.string().regex(/^\d+\.\d\d(@0\.\d+)?$/),
  /** Under stronger attacks than AutoAttack, where there was one: what the leaderboard ranks by. */
  external: z.literal('-').or(percent),
  files,
};
const { preprocessing: _, ...cifarColumns } = COLUMNS;
const imageNetRow = z.strictObject(COLUMNS);
const cifarRow = z.strictObject(cifarColumns);

export type ZooRow = z.infer<typeof cifarRow> & Partial<Pick<z.infer<typeof imageNetRow>, 'preprocessing'>>;

/** A leaderboard: data set, threat model, and its radius where there is one. */
export interface Leaderboard {
  readonly dataset: 'cifar10' | 'cifar100' | 'imagenet';
  readonly threat: 'Linf' | 'L2' | 'corruptions';
  readonly epsilon?: number;
  readonly rows: () => readonly ZooRow[];
}

function rowsOf<T>(table: string, columns: readonly string[], row: z.ZodType<T>): T[] {
  return table
    .trim()
    .split('\n')
    .map((line) => row.parse(Object.fromEntries(line.split(/ {2,}/).map((cell, i) => [columns[i], cell]))));
}

function cifar(dataset: 'cifar10' | 'cifar100', threat: Leaderboard['threat'], table: string, epsilon?: number) {
  const rows = () => rowsOf(table, Object.keys(cifarColumns), cifarRow);
  return { dataset, threat, ...(epsilon !== undefined && { epsilon }), rows };
}

function imageNet(threat: Leaderboard['threat'], table: string, epsilon?: number) {
  const rows = () => rowsOf(table, Object.keys(COLUMNS), imageNetRow);
  return { dataset: 'imagenet', threat, ...(epsilon !== undefined && { epsilon }), rows } as const;
}

export const LEADERBOARDS: readonly Leaderboard[] = [
  cifar('cifar10', 'Linf', CIFAR10_LINF, 8 / 255),
  cifar('cifar10', 'L2', CIFAR10_L2, 0.5),
  cifar('cifar10', 'corruptions', CIFAR10_CORRUPTIONS),
  cifar('cifar100', 'Linf', CIFAR100_LINF, 8 / 255),
  cifar('cifar100', 'corruptions', CIFAR100_CORRUPTIONS),
  imageNet('Linf', IMAGENET_LINF, 4 / 255),
  imageNet('corruptions', IMAGENET_CORRUPTIONS),
];
