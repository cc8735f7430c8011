import { IgdError, InputError } from '../../errors.ts';
import { comparePage } from '../../report/browse/compare-page.ts';
import type { Entry, EntryStatus } from '../../report/browse/entry.ts';
import { filtersOf } from '../../report/browse/filters.ts';
import { listPage, messagePage, PAGES } from '../../report/browse/list-page.ts';
import { compareRuns } from '../../report/compare/compare-runs.ts';
import { findEntries, type Tree } from '../../runs/catalogue/find-entries.ts';
import { HISTORY_FILE, parseHistory } from '../../runs/catalogue/read-history.ts';
import { documentOf, readRun } from '../../runs/catalogue/read-run.ts';
import type { HistoryEntry } from '../../schemas/history.ts';
import { serviceKeys } from '../../schemas/service.ts';
import { within } from '../../stores/store.ts';

/** What records beside its files tell of a run: on AWS how it ended, and when. */
export interface EntryRecord {
  readonly status: EntryStatus;
  readonly date?: Date;
}

/** What is shown. */
export interface SiteOptions {
  readonly tree: Tree;
  /** As its user named it. */
  readonly place: string;
  readonly version: string;
  /** By key. */
  readonly records?: () => Promise<ReadonlyMap<string, EntryRecord>>;
}

/** A page, or a document for programs. */
export interface Answer {
  readonly status: number;
  readonly type: 'text/html; charset=utf-8' | 'application/json; charset=utf-8';
  readonly body: string | Uint8Array;
  /** Whether it is a file that was found, which is not to be trusted as our own pages are. */
  readonly isFound: boolean;
}

/**
 * The pages of `igd browse`, by what a request asks for. Only what the list has can be opened, by its key there: no request names
 * a path. Errors are pages too.
 */
export class Site {
  readonly #options: SiteOptions;
  #entries: readonly Entry[] = [];

  constructor(options: SiteOptions) {
    this.#options = options;
  }

  /** `page` is what follows the address of the site. Throws what is no error of igd's own. */
  async answer(page: string, query: URLSearchParams): Promise<Answer> {
    const { version } = this.#options;
    const routes = new Map<string, () => Promise<Answer>>([
      ['', () => this.#list(query)],
      [PAGES.open, () => this.#open(query)],
      [PAGES.compare, async () => ownPage(comparePage({ ...(await this.#compared(query)), version }))],
      [PAGES.json, async () => ownJson((await this.#compared(query)).comparison)],
    ]);
    const route = routes.get(page);
    if (route === undefined) return ownPage(messagePage('Not found', 'There is no such page.', version), 404);
    try {
      return await route();
    } catch (error) {
      if (!(error instanceof IgdError)) throw error;
      return ownPage(messagePage('This cannot be shown', error.message, version), error.exitCode === 2 ? 422 : 502);
    }
  }

  async #list(query: URLSearchParams): Promise<Answer> {
    const { place, version } = this.#options;
    return ownPage(listPage({ place, entries: await this.#find(), filters: filtersOf(query), version }));
  }

  async #find(): Promise<readonly Entry[]> {
    const { tree, records } = this.#options;
    this.#entries = await findEntries(tree, this.#entries);
    const known = await records?.();
    const entries = this.#entries.map((entry) => ({ ...entry, ...known?.get(entry.key) }));
    return entries.sort((a, b) => b.date.getTime() - a.date.getTime());
  }

  async #open(query: URLSearchParams): Promise<Answer> {
    const entry = await this.#entry(query.get('entry'), 'entry');
    if (entry.kind === 'history') return this.#history(entry);
    const key = entry.page === undefined ? undefined : pathIn(entry, entry.page);
    const body = key === undefined ? undefined : await this.#options.tree.store.get(key);
    if (body === undefined)
      throw new InputError(`${entry.name} has no page yet: "igd report" writes one of a finished run`);
    return { status: 200, type: 'text/html; charset=utf-8', body, isFound: true };
  }

  /** Its own page leads to reports in the bucket; this one to those that can be opened here. */
  async #history(entry: Entry): Promise<Answer> {
    const where = pathIn(entry, HISTORY_FILE);
    const history = parseHistory(documentOf(await this.#options.tree.store.get(where)), where);
    const found = new Map(this.#entries.map((entry) => [entry.key, entry]));
    const reported = ({ run, results }: HistoryEntry) => {
      // Of a partial run the list has the run's folder, of a sweep's that of the report.
      const places = results === null ? [] : [results.report.slice(serviceKeys.runs.length, -1), run ?? ''];
      return places.find((key) => found.get(key)?.kind === 'run' && found.get(key)?.summary !== undefined);
    };
    const run = (entry: HistoryEntry) => {
      const key = reported(entry);
      return key === undefined ? undefined : `${PAGES.open}?${new URLSearchParams({ entry: key })}`;
    };
    const compare = (before: HistoryEntry, now: HistoryEntry) => {
      const [a, b] = [reported(before), reported(now)];
      return a === undefined || b === undefined ? undefined : `${PAGES.compare}?${new URLSearchParams({ a, b })}`;
    };
    // What draws is loaded by those who draw.
    const { historyPage } = await import('../../report/history/page.ts');
    return ownPage(historyPage(history, { list: PAGES.list, run, compare }));
  }

  async #compared(query: URLSearchParams) {
    const { store } = this.#options.tree;
    const [entryA, entryB] = [await this.#entry(query.get('a'), 'a'), await this.#entry(query.get('b'), 'b')];
    const read = (entry: Entry) => {
      const folder = pathIn(entry, (entry.page ?? '').replace(/[^/]*$/, ''));
      const where = (key: string) => `${folder}${key}`;
      return readRun({ store: folder === '' ? store : within(store, folder), where });
    };
    const [a, b] = [await read(entryA), await read(entryB)];
    const { classNames } = a.report.dataset;
    return { comparison: compareRuns(a, b), a: entryA.key, b: entryB.key, classNames };
  }

  /** Throws InputError where the list has no entry of that key. */
  async #entry(key: string | null, name: string): Promise<Entry> {
    if (key === null) throw new InputError(`say which run is ${name}: choose one in the list`);
    const found =
      this.#entries.find((entry) => entry.key === key) ?? (await this.#find()).find((one) => one.key === key);
    if (found === undefined) throw new InputError(`there is no run "${key}" in the list`);
    return found;
  }
}

/** A path below an entry's folder, from the tree's. */
function pathIn({ key }: Entry, path: string): string {
  return key === '.' ? path : `${key}/${path}`;
}

function ownPage(body: string, status = 200): Answer {
  return { status, type: 'text/html; charset=utf-8', body, isFound: false };
}

function ownJson(value: unknown): Answer {
  return {
    status: 200,
    type: 'application/json; charset=utf-8',
    body: `${JSON.stringify(value, null, 1)}\n`,
    isFound: false,
  };
}
