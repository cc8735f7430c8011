import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach } from 'vitest';

/** The one file it has. */
export const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 256));

/** How the server answers one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server | undefined;
/** Range headers of the requests, in order. */
export const ranges: (string | undefined)[] = [];

/** Stops the server and forgets what it was asked; done after every test. */
export async function hangUp(): Promise<void> {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  ranges.length = 0;
}
afterEach(hangUp);

/** Starts a server that gives these answers, one a request, the last for all that follow; returns where it is. */
export async function serve(...answers: readonly Answer[]): Promise<string> {
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answers[Math.min(ranges.length, answers.length) - 1]?.(request, response);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}/file`;
}

export const whole: Answer = (_, response) => {
  response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
};

/** Sends the first bytes and cuts the connection. */
export const cutAfter =
  (bytes: number): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
  };

/** A server that knows ranges. */
export const ranged: Answer = (request, response) => {
  const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (first >= CONTENT.length) {
    response.writeHead(416, { 'content-range': `bytes */${CONTENT.length}` }).end();
    return;
  }
  const headers = { 'content-range': `bytes ${first}-${CONTENT.length - 1}/${CONTENT.length}` };
  response.writeHead(206, { ...headers, 'content-length': CONTENT.length - first }).end(CONTENT.subarray(first));
};

export const refuse =
  (status: number): Answer =>
  (_, response) => {
    response.writeHead(status).end('no');
  };

export const page: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Quota exceeded</html>');
};

export const nothing: Answer = (_, response) => {
  response.writeHead(200, { 'content-length': 0 }).end();
};

export const silence: Answer = (_, response) => {
  response.writeHead(200, { 'content-length': CONTENT.length });
  response.write(CONTENT.subarray(0, 1000));
};
