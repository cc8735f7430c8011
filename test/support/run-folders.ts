import { imagesCsv, reportJson } from '../../src/report/data-files.ts';
import type { Store } from '../../src/stores/store.ts';
import { LOIR, makeRun, NONE, type RunOptions } from '../unit/report/fixture.ts';

/** Leaves in a folder of a store what others read of a finished run, made up; its page says what it is given. */
export async function putRun(store: Store, folder: string, options: RunOptions = {}, page = '<p>page</p>') {
  const { report, shards } = makeRun({ variants: [NONE, LOIR], images: 40, ...options });
  await store.put(`${folder}report.html`, page);
  await store.put(`${folder}images.csv`, imagesCsv(report, shards));
  await store.put(`${folder}report.json`, reportJson(report));
}
