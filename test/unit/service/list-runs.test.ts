import { expect, test } from 'vitest';
import { serviceKeys } from '../../../src/schemas/service.ts';
import { listRuns } from '../../../src/service/run-control.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';

test('a run whose records cannot be read hides no other one in the list', async () => {
  const runs = new MemoryStore();
  const at = '2026-01-02T03:00:00.000Z';
  const claim = JSON.stringify({ schema: 'igd.claim/1', config: 'c', jobDefinition: 'igd-cpu:1', at });
  const [going, cut, newer] = ['a-1', 'b-2', 'c-3'] as const;
  await runs.put(serviceKeys.claim(going, 1), claim);
  await runs.put(serviceKeys.claim(cut, 1), claim.slice(0, 20));
  await runs.put(serviceKeys.claim(newer, 1), claim);
  await runs.put(serviceKeys.outcome(newer, 1), '{"schema":"igd.outcome/9"}');
  const listed = (await listRuns({ runs })).map(({ run, config, status }) => [run, config, status]);
  expect(listed).toEqual([
    [going, 'c', 'running'],
    [newer, 'c', 'unreadable'],
    [cut, cut, 'unreadable'],
  ]);
  runs.get = () => Promise.reject(new Error('access denied'));
  await expect(listRuns({ runs })).rejects.toThrow('access denied');
});
