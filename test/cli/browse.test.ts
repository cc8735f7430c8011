import { createServer as createHttpServer, request } from 'node:http';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runComparisonSchema } from '../../src/schemas/comparison.ts';
import { FileStore } from '../../src/stores/folder-store.ts';
import { type Browsing, startBrowsing } from '../support/browse.ts';
import { type BrowserPage, openBrowser } from '../support/browser-page.ts';
import { findChromium } from '../support/chromium.ts';
import { igd, scratch } from '../support/cli.ts';
import { putRun } from '../support/run-folders.ts';

/** One black pixel. */
const PICTURE = `data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==`;
const HOSTILE = `<title>page</title><img src="${PICTURE}"><script>document.title = 'ran'</script><img src="http://127.0.0.1:1/x" onerror="document.title = 'ran'">
<meta http-equiv="refresh" content="0; url=http://127.0.0.1:1/"><form action="/"><button>b</button></form>`;

const kept = scratch();
let server: Browsing;
beforeAll(async () => {
  const store = new FileStore(kept.path('runs'));
  await putRun(store, 'one/');
  await putRun(store, 'deep/two/', { images: 30 });
  await putRun(store, 'hostile/', {}, HOSTILE);
  await store.put('begun/plan.json', '{"config":{"name":"begun"}}');
  await new FileStore(kept.dir).put('secret.html', 'secret');
  server = await startBrowsing([kept.path('runs')]);
});
afterAll(async () => {
  await server.end('SIGTERM');
  kept.remove();
});

/** `fetch` sets the Host itself. */
function statusAs(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('igd browse', () => {
  const get = (page: string) => fetch(`${server.url}${page}`);

  test('lists runs, opens them, and compares two', async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
    const list = await get('');
    expect(list.status).toBe(200);
    expect(list.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*; form-action 'self'$/);
    const text = await list.text();
    for (const key of ['one', 'deep/two', 'hostile', 'begun'])
      expect(text).toContain(`<span class="sub">${key}</span>`);
    expect(await (await get('?q=two')).text()).toContain('1 of 4 entries');

    const compared = await get('compare?a=one&b=deep%2Ftwo');
    expect(await compared.text()).toContain('Nothing changed: 30 images came to the same end.');
    const json = await get('comparison.json?a=one&b=deep%2Ftwo');
    expect(runComparisonSchema.parse(await json.json()).images).toBe(30);
  });

  test("serves a run's page as one that may do nothing", async () => {
    const page = await get('open?entry=hostile');
    expect(await page.text()).toBe(HOSTILE);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining(["default-src 'none'", 'img-src data:', "form-action 'none'", 'sandbox']),
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each<[page: string, status: number, says: string]>([
    ['open?entry=../secret.html', 422, 'there is no run &quot;../secret.html&quot; in the list'],
    ['open?entry=..', 422, 'there is no run'],
    ['open?entry=begun', 422, 'begun has no page yet'],
    ['compare?a=one', 422, 'say which run is b'],
    ['compare?a=one&b=begun', 422, 'begun/ holds a run without a report'],
    ['secret.html', 404, 'no such page'],
    ['%2e%2e%2fsecret.html', 404, 'no such page'],
  ])('answers %s with %i', async (page, status, says) => {
    const answer = await get(page);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(says);
  });

  test('answers only who has the address, by its name, and asks to read', async () => {
    const { origin, host, port } = new URL(server.url);
    expect((await fetch(`${origin}/`)).status).toBe(404);
    expect((await fetch(`${origin}/${'0'.repeat(32)}/`)).status).toBe(404);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405);
    expect(await statusAs(server.url, { host })).toBe(200);
    expect(await statusAs(server.url, { host: `localhost:${port}` })).toBe(200);
    // DNS rebinding: a page elsewhere whose name leads to this machine.
    expect(await statusAs(server.url, { host: `evil.example:${port}` })).toBe(421);
    expect(await statusAs(server.url, { host: '127.0.0.1' })).toBe(421);
    expect(await statusAs(server.url, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403);
  });

  test('ends at once on Ctrl-C, with 0', async () => {
    const other = await startBrowsing([kept.path('runs')]);
    // A connection that is kept open.
    await (await fetch(other.url)).text();
    const begun = performance.now();
    expect(await other.end('SIGINT')).toBe(0);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test('ends at once while a bucket does not answer', async () => {
    const EMPTY = '<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>';
    let asked = 0;
    let again = () => {};
    const isAsked = new Promise<void>((resolve) => {
      again = resolve;
    });
    // What is asked at the start is answered, and nothing after it.
    const bucket = createHttpServer((_, response) => (++asked === 1 ? response.end(EMPTY) : again()));
    await new Promise<void>((resolve) => bucket.listen(0, '127.0.0.1', resolve));
    const { port } = bucket.address() as { port: number };
    const keys = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const other = await startBrowsing(['s3://b/runs'], { ...keys, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
    const page = fetch(other.url).catch(() => 'cut');
    await isAsked;
    const begun = performance.now();
    expect(await other.end('SIGTERM')).toBe(0);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(await page).toBe('cut');
    bucket.closeAllConnections();
    bucket.close();
  });

  test('refuses what it cannot show', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const failures: [string[], string][] = [
      [[kept.path('absent')], 'is not there: give a folder with runs'],
      [[kept.path('runs'), '--stack', 'S'], 'a service has runs of its own: leave'],
      [[kept.path('runs'), '--port', '70000'], 'give a port'],
      [[kept.path('runs'), '--port', String(port)], `cannot serve on port ${port}`],
    ];
    for (const [args, message] of failures)
      expect(await igd(['browse', ...args])).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    taken.close();
  });
});

const browser = findChromium();

describe.skipIf(browser === undefined)('igd browse, in Chromium', () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await openBrowser(browser ?? '');
  });
  afterAll(() => page.close());

  test.each(['', 'compare?a=one&b=deep%2Ftwo'])(
    'is as wide as the screen, in light and dark and on paper: %s',
    async (path) => {
      for (const width of [390, 1280])
        for (const look of [{ scheme: 'dark' }, { media: 'print' }, {}] as const) {
          await page.open(`${server.url}${path}`, { width, ...look });
          expect(await page.evaluate('innerWidth')).toBe(width);
          if (!('media' in look)) expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
          const [background] =
            String(await page.evaluate('getComputedStyle(document.body).backgroundColor')).match(/\d+/g) ?? [];
          expect(Number(background) < 128).toBe('scheme' in look);
        }
      expect(page.complaints).toEqual([]);
    },
  );

  test('finds its way with forms alone', async () => {
    await page.open(server.url, { width: 1280 });
    await page.evaluate(`document.querySelector('input[name=a][value=one]').click()`);
    await page.evaluate(`document.querySelector('input[name=b][value="deep/two"]').click()`);
    await page.follow(`document.querySelector('form.runs button').click()`);
    expect(await page.evaluate(`document.querySelector('.lead').textContent`)).toContain('Nothing changed');
    await page.follow(`document.querySelector('.bar a').click()`);
    expect(await page.evaluate(`document.querySelectorAll('tbody tr').length`)).toBe(4);
    await page.evaluate(`document.querySelector('input[name=q]').value = 'two'`);
    await page.follow(`document.querySelector('form.filters button').click()`);
    expect(await page.evaluate(`document.querySelectorAll('tbody tr').length`)).toBe(1);
    await page.follow(`document.querySelector('tbody a').click()`);
    expect(await page.evaluate('document.body.textContent')).toBe('page');
  });

  test("runs nothing of a run's page", async () => {
    await page.open(`${server.url}open?entry=hostile`, { width: 1280 });
    expect(await page.evaluate('document.title')).toBe('page');
    // A report's gallery is shown, and nothing from elsewhere.
    expect(await page.evaluate('[...document.images].map(({ naturalWidth }) => naturalWidth)')).toEqual([1, 0]);
    expect(await page.evaluate('location.href')).toBe(`${server.url}open?entry=hostile`);
    expect(page.complaints.join()).toMatch(/[Ss]andbox|Content Security Policy/);
  });
});
