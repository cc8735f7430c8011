import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-pipe'],
];

type Message = { id?: number; method?: string; params?: Record<string, unknown>; result?: unknown; error?: unknown };

export interface Viewport {
  readonly width: number;
  readonly height?: number;
  readonly media?: 'screen' | 'print';
  readonly scheme?: 'light' | 'dark';
}

/** A page in headless Chromium, driven through the DevTools protocol over a pipe: no package, no port. */
export interface BrowserPage {
  /** Opens an address and waits for it to be loaded. */
  open(url: string, viewport: Viewport): Promise<void>;
  /** Evaluates an expression that leads to another page, and waits for it to be loaded. */
  follow(expression: string): Promise<void>;
  /** The value of an expression in the page, as JSON has it. */
  evaluate(expression: string): Promise<unknown>;
  /** What the browser has complained of since it began: policies broken, errors of scripts. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export async function openBrowser(browser: string): Promise<BrowserPage> {
  const profile = mkdtempSync(join(tmpdir(), 'igd-chromium-'));
  const child = spawn(browser, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const { send, wait, complaints } = protocol(child);
  const { targetId } = (await send('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
  const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
  const tell = (method: string, params: Record<string, unknown> = {}) => send(method, params, sessionId);
  for (const domain of ['Page', 'Log', 'Runtime']) await tell(`${domain}.enable`);
  return {
    complaints,
    async open(url, { width, height = 900, media = 'screen', scheme = 'light' }) {
      await tell('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
      const features = [{ name: 'prefers-color-scheme', value: scheme }];
      await tell('Emulation.setEmulatedMedia', { media, features });
      const loaded = wait('Page.loadEventFired');
      await tell('Page.navigate', { url });
      await loaded;
    },
    async follow(expression) {
      const loaded = wait('Page.loadEventFired');
      await tell('Runtime.evaluate', { expression });
      await loaded;
    },
    async evaluate(expression) {
      const { result } = (await tell('Runtime.evaluate', { expression, returnByValue: true })) as {
        result: { value: unknown };
      };
      return result.value;
    },
    async close() {
      void send('Browser.close').catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Messages are JSON with a zero byte after each: commands to the third pipe, answers and events from the fourth. */
function protocol(child: ChildProcess) {
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const answers = new Map<number, (message: Message) => void>();
  const waiting = new Map<string, () => void>();
  const complaints: string[] = [];
  let [text, count] = ['', 0];
  const receive = (message: Message) => {
    if (message.id !== undefined) answers.get(message.id)?.(message);
    if (message.method !== undefined) waiting.get(message.method)?.();
    if (message.method === 'Log.entryAdded' || message.method === 'Runtime.exceptionThrown')
      complaints.push(JSON.stringify(message.params));
  };
  child.once('error', (error) => {
    for (const answer of answers.values()) answer({ error: String(error) });
  });
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (text + chunk).split('\0');
    text = parts.pop() ?? '';
    for (const part of parts) receive(JSON.parse(part) as Message);
  });
  const send = (method: string, params: Record<string, unknown> = {}, sessionId?: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++count;
      answers.set(id, ({ result, error }) => (error ? reject(new Error(JSON.stringify(error))) : resolve(result)));
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
  const wait = (event: string) => new Promise<void>((resolve) => waiting.set(event, resolve));
  return { send, wait, complaints };
}
