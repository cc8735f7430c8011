import { ConfigError } from '../../errors.ts';
import type { InputOptions, Preprocessing } from '../config.ts';
import { nearestName } from '../issues.ts';
import { type ModelOptions, NORMALIZATIONS } from '../model-options.ts';
import { ZOO_NETWORKS } from './networks.ts';
import { LEADERBOARDS, type Leaderboard, type ZooRow } from './rows.ts';
import { ZOO_STATISTICS } from './statistics.ts';

/** What the table knows of a file beside its weights. */
export interface ZooFacts {
  readonly model: ModelOptions;
  /** In the zoo's words, and the classes of its data set: what tells another model's file. */
  readonly architecture: string;
  readonly classes: number;
  readonly normalize?: NonNullable<InputOptions['normalize']>;
  readonly stateDict?: string;
  /** Of how many networks it is made, each in a file of its own as published. */
  readonly networks: number;
  /** The parts of "igd join" that make one checkpoint of them, M0, M1, ..., where they are several. */
  readonly join?: string;
}

/** How the file of an entry is read; or why it is refused. */
export type ZooReading = ({ readonly kind: 'read' } & ZooFacts) | { readonly kind: 'refused'; readonly reason: string };

/** Where a file of an entry is, and the name that RobustBench saves it under. */
export interface ZooFile {
  readonly file: string;
  readonly at: { readonly googleDrive: string } | { readonly url: string };
}

/** In percent. */
export interface ZooAccuracies {
  readonly clean: number;
  /** AutoAttack's, at radius `epsilon`; or the mean over corruptions. */
  readonly robust: number;
  readonly epsilon?: number;
  /** Of stronger attacks than AutoAttack. */
  readonly external?: number;
}

/** A model of a public zoo: what is known of it but its weights. */
export interface ZooEntry {
  /** "cifar10/Linf/Carmon2019Unlabeled" */
  readonly id: string;
  readonly leaderboard: Pick<Leaderboard, 'dataset' | 'threat'>;
  /** In the zoo's words. */
  readonly architecture: string;
  readonly reading: ZooReading;
  /** What is done to an image of a folder before the model sees it. */
  readonly preprocessing?: Preprocessing;
  readonly published: ZooAccuracies;
  readonly files: readonly ZooFile[];
}

const CLASSES: Readonly<Record<Leaderboard['dataset'], number>> = { cifar10: 10, cifar100: 100, imagenet: 1000 };

let entries: ReadonlyMap<string, ZooEntry> | undefined;

/** All of RobustBench's models, in the order of its leaderboards' code, by id. */
export function zooEntries(): ReadonlyMap<string, ZooEntry> {
  entries ??= new Map(
    LEADERBOARDS.flatMap((board) => board.rows().map((row) => entryOf(board, row))).map((entry) => [entry.id, entry]),
  );
  return entries;
}

/** The model of this id. Throws ConfigError, with ids that may be meant, where the zoo has none. */
export function zooEntry(id: string): ZooEntry {
  const entry = zooEntries().get(id);
  if (entry !== undefined) return entry;
  throw new ConfigError(`zoo: "${id}" is no model of RobustBench's leaderboards${zooHint(id)} ("igd zoo" lists them)`);
}

/** Classes of a model, whether or not igd reads it. Throws ConfigError where the zoo has no such model. */
export function zooClasses(id: string): number {
  return CLASSES[zooEntry(id).leaderboard.dataset];
}

/** What may be meant by an id that the zoo does not have: several leaderboards have models of one name. */
export function zooHint(id: string): string {
  const ids = [...zooEntries().keys()];
  const named = ids.filter((known) => known.endsWith(`/${id}`)).map((known) => `"${known}"`);
  if (named.length > 0) return `; by that name it has ${named.join(' and ')}`;
  const nearest = nearestName(id, ids);
  return nearest === undefined ? '' : `; the nearest known is "${nearest}"`;
}

/** How the file of a model is read. Throws ConfigError where the zoo has no such model, or igd does not read it. */
export function zooFacts(id: string): ZooFacts {
  const { reading } = zooEntry(id);
  if (reading.kind === 'read') return reading;
  throw new ConfigError(`zoo: "${id}" is not read from its weights: ${reading.reason}`);
}

function entryOf({ dataset, threat, epsilon }: Leaderboard, row: ZooRow): ZooEntry {
  const { name, architecture, preprocessing } = row;
  const id = `${dataset}/${threat}/${name}`;
  return {
    id,
    leaderboard: { dataset, threat },
    architecture,
    reading: readingOf(row, CLASSES[dataset], filesOf(id, row.files).length),
    ...(preprocessing !== undefined && { preprocessing }),
    published: accuraciesOf(row, epsilon),
    files: filesOf(id, row.files),
  };
}

function accuraciesOf({ clean, robust: text, external }: ZooRow, usual: number | undefined): ZooAccuracies {
  const [robust, radius] = text.split('@').map(Number);
  const epsilon = radius ?? usual;
  return {
    ...{ clean, robust: robust ?? Number.NaN },
    ...(epsilon !== undefined && { epsilon }),
    ...(external !== '-' && { external }),
  };
}

function readingOf(
  { network: key, normalization, architecture }: ZooRow,
  classes: number,
  networks: number,
): ZooReading {
  const network = ZOO_NETWORKS[key]!;
  if (network.kind === 'refused') return network;
  const normalize = ZOO_STATISTICS[normalization];
  const named = NORMALIZATIONS.find((name) => name === normalization);
  const { model, ...rest } = network;
  const join = networks > 1 ? { join: rest.join ?? ensembleOf(networks) } : {};
  const options = named === undefined ? model : { ...model, normalization: named };
  const facts = { ...rest, ...join, networks, architecture, classes, model: options };
  return normalize === undefined ? facts : { ...facts, normalize };
}

/** models.0=M0 models.1=M1 ... */
function ensembleOf(networks: number): string {
  return Array.from({ length: networks }, (_, index) => `models.${index}=M${index}`).join(' ');
}

/** As RobustBench saves them below its folder of models: `ID.pt`, and `ID.pt_m0.pt`, ... where there are several. */
function filesOf(id: string, files: string): ZooFile[] {
  if (files.startsWith('https:')) return [{ file: `${id}.pt`, at: { url: files } }];
  const ids = files.split(',');
  const nameOf = (index: number) => (ids.length === 1 ? `${id}.pt` : `${id}.pt_m${index}.pt`);
  return ids.map((googleDrive, index) => ({ file: nameOf(index), at: { googleDrive } }));
}
