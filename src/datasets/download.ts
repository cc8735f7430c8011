import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { messageOf, RunError } from '../errors.ts';

export interface DownloadOptions {
  /** Bytes there so far, and in all where the server says. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Give up after so long without a byte. */
  readonly stallSeconds?: number | undefined;
}

/** A web page came where a file was asked for, which a catalogue entry may be able to explain. */
export class WebPageError extends RunError {
  constructor() {
    super('the server answered with a web page instead of the file');
  }
}

const STALL_SECONDS = 60;

/** What the codes of Node and undici mean to a person. */
const NETWORK_FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host is not known: no network, or no DNS',
  EAI_AGAIN: 'the host could not be looked up: no network, or no DNS',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

/**
 * Fetches `url` into the file `part`. What `part` holds already is kept and the rest asked for (an HTTP Range request);
 * a server that cannot do that sends all of it again. On failure `part` stays, for the next call to go on from. Throws
 * RunError that starts with what happened.
 */
export async function download(url: string, part: string, options: DownloadOptions = {}): Promise<void> {
  const stall = new AbortController();
  const seconds = options.stallSeconds ?? STALL_SECONDS;
  const timer = setTimeout(() => stall.abort(), seconds * 1000);
  const signal = AbortSignal.any([stall.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const onProgress = (received: number, total: number | undefined) => {
    timer.refresh();
    options.onProgress?.(received, total);
  };
  try {
    await receive(url, part, signal, onProgress);
  } catch (cause) {
    if (cause instanceof RunError) throw cause;
    if (options.signal?.aborted) throw new RunError('stopped before the file was whole', { cause });
    if (stall.signal.aborted) throw new RunError(`nothing arrived for ${seconds} seconds`, { cause });
    throw new RunError(networkFailure(cause), { cause });
  } finally {
    clearTimeout(timer);
  }
}

type OnProgress = (received: number, total: number | undefined) => void;

async function receive(url: string, part: string, signal: AbortSignal, onProgress: OnProgress): Promise<void> {
  const held = await bytesHeld(part);
  const response = await request(url, held, signal);
  const answer = answerTo(response, held);
  if (answer !== 'resumed' && answer !== 'whole') await response.body?.cancel();
  if (answer === 'complete') return;
  if (answer === 'unusable') {
    // What is held cannot be gone on from; without it no range is asked for, so this happens once.
    await onDisk(part, () => rm(part));
    return receive(url, part, signal, onProgress);
  }
  if (answer instanceof RunError) throw answer;
  await save(response, part, answer === 'resumed' ? held : 0, onProgress);
}

function request(url: string, held: number, signal: AbortSignal): Promise<Response> {
  // Compression on the way would make lengths and ranges those of other bytes.
  const headers = { 'accept-encoding': 'identity', ...(held > 0 ? { range: `bytes=${held}-` } : {}) };
  return fetch(url, { headers, signal });
}

type Answer = 'whole' | 'resumed' | 'complete' | 'unusable' | RunError;

/** What the server's answer means, where `held` bytes are there already. */
function answerTo({ status, statusText, headers }: Response, held: number): Answer {
  const [, first, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  const resuming = held > 0;
  if (resuming && status === 416) return Number(total) === held ? 'complete' : 'unusable';
  if (resuming && status === 206 && Number(first) !== held) return 'unusable';
  const good = status === 200 || (resuming && status === 206);
  if (!good) return new RunError(`the server answered ${status} ${statusText}`.trim());
  if (headers.get('content-type')?.startsWith('text/html')) return new WebPageError();
  return status === 206 ? 'resumed' : 'whole';
}

async function save(response: Response, part: string, held: number, onProgress: OnProgress): Promise<void> {
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : held + Number(length);
  await using file: FileHandle = await onDisk(part, () => open(part, held > 0 ? 'a' : 'w'));
  let received = held;
  for await (const chunk of response.body ?? []) {
    await onDisk(part, () => file.appendFile(chunk));
    received += chunk.length;
    onProgress(received, total);
  }
  if (received === 0) throw new RunError('the server sent an empty file');
  if (total !== undefined && received !== total) {
    throw new RunError(`the connection was cut after ${received} of ${total} bytes`);
  }
}

async function bytesHeld(part: string): Promise<number> {
  const stats = await stat(part).catch(() => undefined);
  return stats?.size ?? 0;
}

/** Runs a file operation; its failures are the disk's, not the network's. */
async function onDisk<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw new RunError(`${path} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

/** fetch hides what happened in the cause of a "fetch failed". */
function networkFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return NETWORK_FAILURES[code] ?? `the network failed: ${messageOf(cause)}`;
}
