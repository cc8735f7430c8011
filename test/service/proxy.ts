import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong on the way to a server, once. */
export type Fault =
  /** The server gets the request; its answer is lost. */
  | 'lost answer'
  /** The server gets the request; this is what the client is told. */
  | { readonly afterwards: number }
  /** The server never gets the request. */
  | { readonly instead: number; readonly type?: string }
  /** The connection ends after so many bytes of the answer. */
  | { readonly cutAfter: number };

export interface FaultyProxy {
  readonly url: string;
  /** The next request `when` says yes to goes wrong. */
  fail(fault: Fault, when: (request: IncomingMessage) => boolean): void;
  stop(): Promise<void>;
}

/**
 * Stands before the emulator, as the network does before AWS. What S3 promises and moto does not, it adds: of conditional
 * writes at once, one wins. moto looks whether there is an object and then writes it, in threads; on a busy machine one
 * write in some hundreds came in between.
 */
export async function startProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: false });
  const faults: { fault: Fault; when: (request: IncomingMessage) => boolean }[] = [];
  const inTurn = new Map<string, Promise<void>>();

  const forward = (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, fault: Fault | undefined) =>
    new Promise<void>((done) => {
      const { expect: _, ...headers } = incoming.headers;
      const onward = request(
        { hostname, port, agent, method: incoming.method, path: incoming.url, headers },
        (answer) => {
          answer.on('close', done);
          if (fault === undefined) {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(outgoing);
            // Who asked has gone: without this, who asks next would wait for the end of an answer nobody reads.
            outgoing.on('close', () => answer.destroy());
          } else if (typeof fault === 'object' && 'cutAfter' in fault) {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            cut(answer, outgoing, fault.cutAfter);
          } else {
            answer.resume();
            spoil(outgoing, fault);
          }
        },
      );
      onward.on('error', () => {
        outgoing.destroy();
        done();
      });
      onward.end(body);
    });

  const server = createServer(async (incoming, outgoing) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part);
    const place = faults.findIndex(({ when }) => when(incoming));
    const [found] = place < 0 ? [] : faults.splice(place, 1);
    if (found !== undefined && isRefusal(found.fault)) return spoil(outgoing, found.fault);
    const act = () => forward(incoming, Buffer.concat(parts), outgoing, found?.fault);
    if (incoming.headers['if-none-match'] !== '*') return act();
    const path = incoming.url ?? '';
    const turn = (inTurn.get(path) ?? Promise.resolve()).then(act);
    inTurn.set(path, turn);
    return turn;
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail: (fault, when) => void faults.push({ fault, when }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isRefusal(fault: Fault): fault is Exclude<Fault, 'lost answer' | { cutAfter: number }> {
  return fault !== 'lost answer' && 'instead' in fault;
}

function cut(answer: IncomingMessage, outgoing: ServerResponse, bytes: number): void {
  let left = bytes;
  answer.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    // What is written is on its way before the connection ends.
    outgoing.write(part, () => left === 0 && outgoing.destroy());
  });
}

function spoil(outgoing: ServerResponse, fault: Exclude<Fault, { cutAfter: number }>): void {
  if (fault === 'lost answer') return void outgoing.destroy();
  const [status, type] = 'instead' in fault ? [fault.instead, fault.type] : [fault.afterwards, undefined];
  outgoing.writeHead(status, { 'content-type': 'application/json', ...(type && { 'x-amzn-errortype': type }) });
  outgoing.end(JSON.stringify({ message: 'as the test wants it' }));
}
