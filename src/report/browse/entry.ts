import type { AnalysisReport } from '../../schemas/analysis.ts';
import type { History } from '../../schemas/history.ts';
import type { ParameterSweepPlan } from '../../schemas/parameter-sweep.ts';
import type { Report, Share } from '../../schemas/report.ts';
import { suiteText, threatText } from '../compare/differences.ts';
import { counted } from '../format.ts';
import { valueName } from '../sweep-values.ts';

/** The highest of a measure over the variants. */
export interface Best {
  readonly variant: string;
  readonly share: Share;
}

/** What a list says of a finished run, or of the runs of a sweep. */
export interface EntrySummary {
  readonly images: number;
  readonly model: string;
  readonly threat: string;
  readonly suite: string;
  readonly data: string;
  readonly best: Readonly<Record<'clean' | 'robust' | 'worstCase', Best>>;
}

/** How a run ended, as far as its files, or the service's records of it, tell. */
export const ENTRY_STATUSES = [
  'complete',
  'partial',
  'unfinished',
  'running',
  'failed',
  'cancelled',
  'held',
  'unreadable',
] as const;
export type EntryStatus = (typeof ENTRY_STATUSES)[number];

/** One line of the list. */
export interface Entry {
  readonly kind: 'run' | 'sweep' | 'history' | 'analysis';
  /** Its folder below what is listed; "." is that folder itself. */
  readonly key: string;
  readonly name: string;
  readonly date: Date;
  readonly status: EntryStatus;
  /** What else is to be said: why it is not readable, what a sweep is over. */
  readonly note?: string;
  /** Of a run with a report. */
  readonly summary?: EntrySummary;
  /** The page to open, below the folder; a run without a report has none. */
  readonly page?: string;
}

/** What the list says of a report. */
export function summariseReport({ run, checkpoint, dataset, variants }: Report): EntrySummary {
  return {
    images: run.images,
    model: `${checkpoint.architecture} ${checkpoint.sha256.slice(0, 8)}`,
    threat: threatText(run.threat),
    suite: suiteText(run.suite.map(({ name }) => name)),
    data: `${dataset.format} ${dataset.test.sha256.slice(0, 8)}`,
    best: { clean: best(variants, 'clean'), robust: best(variants, 'robust'), worstCase: best(variants, 'worstCase') },
  };
}

/** The first of the highest. */
function best(variants: Report['variants'], measure: 'clean' | 'robust' | 'worstCase'): Best {
  const [first] = variants.toSorted((a, b) => b[measure].correct - a[measure].correct);
  return { variant: first!.id, share: first![measure] };
}

/** "12 entries; 2026-11-19: nothing changed since ..." */
export function historyNote({ entries }: History): string {
  const last = entries.at(-1);
  const count = entries.length === 1 ? '1 entry' : `${entries.length} entries`;
  return last === undefined ? count : `${count}; ${last.at.slice(0, 10)}: ${last.comparison.sentence}`;
}

/** "over temperature: 0.01, 0.1" */
export function sweepNote(sweep: Pick<ParameterSweepPlan, 'key' | 'runs'>): string {
  const { key, runs } = sweep;
  return `${counted(runs.length, 'run')} over ${key}: ${runs.map((run) => valueName(sweep, run)).join(', ')}`;
}

/** "units of layer4 under gama, Linf, ε = 8/255: 64 of 128 images attacked; 2 loss surfaces" */
export function analysisNote({ layer, attack, threat, attacked, images, surfaces }: AnalysisReport): string {
  const drawn = surfaces.length === 0 ? '' : `; ${counted(surfaces.length, 'loss surface')}`;
  return `units of ${layer} under ${attack.attack}, ${threatText(threat)}: ${attacked} of ${counted(images, 'image')} attacked${drawn}`;
}
