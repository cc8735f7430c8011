import { ENTRY_STATUSES, type Entry } from './entry.ts';

/** Fields that a list is filtered by, each with the value that an entry has; text looks through all that is shown. */
const FIELDS = {
  status: ({ status }: Entry) => status,
  model: ({ summary }: Entry) => summary?.model,
  data: ({ summary }: Entry) => summary?.data,
  threat: ({ summary }: Entry) => summary?.threat,
  suite: ({ summary }: Entry) => summary?.suite,
} satisfies Readonly<Record<string, (entry: Entry) => string | undefined>>;

export type FilterField = keyof typeof FIELDS;
export const FILTER_FIELDS: readonly FilterField[] = ['status', 'model', 'data', 'threat', 'suite'];

export interface Filters {
  /** Words that an entry has to have, in any order; '' is none. */
  readonly text: string;
  /** '' is any. */
  readonly fields: Readonly<Record<FilterField, string>>;
}

/** The filters that a query names, which is that of the list's own form. */
export function filtersOf(query: URLSearchParams): Filters {
  const field = (name: FilterField) => query.get(name) ?? '';
  const fields = {
    status: field('status'),
    model: field('model'),
    data: field('data'),
    threat: field('threat'),
    suite: field('suite'),
  };
  return { text: query.get('q') ?? '', fields };
}

/** The entries that pass, in their order. */
export function filtered(entries: readonly Entry[], { text, fields }: Filters): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    const all = textOf(entry);
    const matches = FILTER_FIELDS.every((field) => fields[field] === '' || FIELDS[field](entry) === fields[field]);
    return matches && words.every((word) => all.includes(word));
  });
}

function textOf(entry: Entry): string {
  const shown = FILTER_FIELDS.map((field) => FIELDS[field](entry));
  return [entry.kind, entry.name, entry.key, entry.note, entry.date.toISOString(), ...shown].join(' ').toLowerCase();
}

/** The values to choose from: those that occur. */
export function choicesOf(entries: readonly Entry[], field: FilterField): string[] {
  const found = new Set(entries.flatMap((entry) => FIELDS[field](entry) ?? []));
  if (field === 'status') return ENTRY_STATUSES.filter((status) => found.has(status));
  return [...found].sort();
}
