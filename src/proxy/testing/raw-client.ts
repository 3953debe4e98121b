// A client that sends exactly the bytes it is told over a connection of their own, and reads the answer as it comes,
// without decoding anything.

export interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  /** latin1. */
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: readonly string[];
  readonly body?: string | Uint8Array;
  readonly pieces?: readonly string[];
}

export async function ask(port: number, request: RawRequest): Promise<Answer> {
  const { method, path, fields = [], body, pieces } = request;
  const bytes =
    pieces === undefined ? (typeof body === 'string' ? Buffer.from(body, 'latin1') : body) : chunk(pieces);
  const length =
    pieces !== undefined
      ? ['transfer-encoding: chunked']
      : bytes === undefined
        ? []
        : [`content-length: ${bytes.length}`];
  const host = fields.some((field) => /^host:/i.test(field)) ? [] : ['host: a.example'];
  const lines = [
    `${method ?? 'GET'} ${path ?? '/'} HTTP/1.1`,
    ...host,
    ...length,
    'connection: close',
    ...fields,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const whole = bytes === undefined ? head : Buffer.concat([head, bytes]);
  const headOnly = method === 'HEAD';
  return parseAnswer(await exchange(port, whole, (text) => isWhole(text, headOnly)), headOnly);
}

function chunk(pieces: readonly string[]): Uint8Array {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  return Buffer.from(`${chunks.join('')}0\r\n\r\n`, 'latin1');
}

/** All that came until the peer ended; `reset` behind it when it broke. */
export function askTcp(port: number, bytes: string): Promise<string> {
  return exchange(port, Buffer.from(bytes, 'latin1'), null);
}

/** `whole`: tells when nothing more is waited for; null: our end is said at once, and theirs waited for. */
function exchange(
  port: number,
  bytes: Uint8Array,
  whole: ((text: string) => boolean) | null,
): Promise<string> {
  let received = '';
  let unsent = bytes;
  return new Promise((resolve) => {
    const send = (socket: Bun.Socket): void => {
      unsent = unsent.subarray(socket.write(unsent));
      if (unsent.length === 0 && whole === null) socket.shutdown();
    };
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      allowHalfOpen: true,
      socket: {
        open: send,
        drain: (socket) => {
          if (unsent.length > 0) send(socket);
        },
        data(socket, data) {
          received += data.toString('latin1');
          if (whole?.(received) === true) socket.end();
        },
        end: (socket) => void socket.end(),
        close: (_socket, error) => resolve(error ? `${received}reset` : received),
        connectError: () => resolve('refused'),
      },
    }).catch(() => resolve('refused'));
  });
}

/** Envoy keeps a connection open for a second behind an answer of its own. */
function isWhole(text: string, headOnly: boolean): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || text.startsWith('HTTP/1.1 100')) return false;
  const head = text.slice(0, end).toLowerCase();
  if (headOnly || / (204|304) /.test(head.slice(0, 14))) return true;
  if (head.includes('transfer-encoding: chunked')) return text.endsWith('\r\n0\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/.exec(head);
  return length !== null && text.length >= end + 4 + Number(length[1]);
}

function parseAnswer(text: string, headOnly: boolean): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(start.split(' ')[1]);
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
  }
  if (status === 100) return parseAnswer(text.slice(end + 4), headOnly);
  const rest = text.slice(end + 4);
  return {
    status,
    fields,
    body: fields['transfer-encoding'] === 'chunked' && !headOnly ? unchunk(rest) : rest,
  };
}

function unchunk(text: string): string {
  let body = '';
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return Number.isNaN(size) ? `${body}(cut)` : body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
