import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { InputError, messageOf } from '../../errors.ts';
import { PAGE_POLICY } from '../../report/page/page.ts';
import type { Answer, Site } from './site.ts';

/** This machine alone reaches it. */
const HOST = '127.0.0.1';

/**
 * A page's own policy, and that forms ask this server alone. A page that was found is in a sandbox besides: whatever is in it is of no
 * origin, sends nothing and leads nowhere by itself.
 */
const POLICY = `${PAGE_POLICY}; base-uri 'none'; frame-ancestors 'none'`;
const OWN_POLICY = `${POLICY}; form-action 'self'`;
const FOUND_POLICY = `${POLICY}; form-action 'none'; sandbox`;

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface BrowseServer {
  /** What to open: the address has a secret in it. */
  readonly url: string;
  /** Ends at once, also what is being answered. */
  close(): void;
}

/**
 * Serves a site to this machine's own browser. Whoever else is logged in here reaches the port as well, so every address begins with a
 * random word; a page elsewhere whose name leads to 127.0.0.1 (DNS rebinding) is told by its Host. Port 0 takes a free one. Throws
 * InputError where the port is taken.
 */
export async function serve(site: Site, port: number): Promise<BrowseServer> {
  const base = `/${randomBytes(16).toString('hex')}/`;
  const server = createServer((request, response) => void respond(site, base, request, response));
  const taken = await listen(server, port);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://${HOST}:${taken}${base}`, close };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new InputError(`cannot serve on port ${port}: ${messageOf(cause)}; --port 0 takes a free one`, { cause }));
    });
    server.listen(port, HOST, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function respond(site: Site, base: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refusalOf(base, request);
  if (refusal !== undefined) return refuse(response, ...refusal);
  const { pathname, searchParams } = new URL(request.url ?? '', `http://${HOST}`);
  try {
    send(response, await site.answer(pathname.slice(base.length), searchParams), request.method === 'HEAD');
  } catch (error) {
    process.stderr.write(
      `igd: this is a bug, please report it with the lines below\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    refuse(response, 500, 'a bug of igd: its terminal has more');
  }
}

/** Why a request is not answered; undefined where it is. */
function refusalOf(
  base: string,
  { method = '', url = '', headers, socket }: IncomingMessage,
): [number, string] | undefined {
  const hosts = [HOST, 'localhost'].map((name) => `${name}:${socket.localPort}`);
  if (!hosts.includes(headers.host ?? '')) return [421, `this server is ${hosts.join(' or ')}`];
  if (method !== 'GET' && method !== 'HEAD') return [405, 'there is nothing here but to read'];
  if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate')
    return [403, 'pages of other sites get nothing from here'];
  if (!url.startsWith(base)) return [404, 'open the address that "igd browse" has printed'];
  return undefined;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}

function send(response: ServerResponse, { status, type, body, isFound }: Answer, headOnly: boolean): void {
  const policy = isFound ? FOUND_POLICY : OWN_POLICY;
  const headers = { ...HEADERS, 'content-type': type, 'content-security-policy': policy };
  response
    .writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    .end(headOnly ? undefined : body);
}
