import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const local = writeJson(folder.path('local.json'), smallConfig());
const remote = writeJson(folder.path('remote.json'), smallConfig({ checkpoint: { uri: 's3://bucket/model.pt' } }));
const swept = writeJson(
  folder.path('swept.json'),
  smallConfig({ checkpoint: { uri: 's3://bucket/model.pt' }, sweep: { temperature: [1, 2] } }),
);

test.each([
  ['a checkpoint', 'run', remote, folder.path('out')],
  ['the checkpoint of a sweep', 'run', swept, folder.path('out')],
  ['the checkpoint of an analysis', 'analyze', remote, folder.path('out')],
  ['a folder of results', 'run', local, 's3://bucket/out'],
])('a signal ends a wait for %s that never comes', async (_, command, config, out) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, ['bin/igd.mjs', command, config, '--out', out], {
    env: {
      ...process.env,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      XDG_CACHE_HOME: folder.path('cache'),
    },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [socket] = await once(server, 'connection');
  const asked = performance.now();
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  expect(performance.now() - asked).toBeLessThan(10_000);
  expect([code, stderr]).toEqual([1, expect.stringContaining('igd: interrupted')]);
  socket.destroy();
  server.close();
});
