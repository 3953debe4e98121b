// A client in Python (OpenSSL's TLS) that opens connections as it is told: a PROXY header before, TLS of some versions
// with a name, protocols and a certificate, and then a request of HTTP/1 or HTTP/2, bytes, or silence.

import { join } from 'node:path';
import { run } from '../../testing/programs.ts';

export interface ConnectionAsk {
  readonly port: number;
  /** Sent first of all, latin1. */
  readonly before: string;
  readonly tls: {
    readonly name: string | null;
    readonly protocols: readonly string[];
    readonly versions: 'any' | '1.2' | '1.3';
    /** Of the files NAME.pem and NAME.key in the folder. */
    readonly certificate: string | null;
  } | null;
  readonly speak: 'http1' | 'http10' | 'h2' | 'bytes' | 'silence';
}

export interface ConnectionTold {
  readonly version: string | null;
  readonly protocol: string | null;
  /** SHA-256 of the server's certificate. */
  readonly certificate: string | null;
  /** What came, latin1: of HTTP/2 the data frames alone. Empty where nothing did, whatever the reason. */
  readonly received: string;
}

/** As many at a time as do not make each other late. */
const atOnce = 16;

const script = `
import concurrent.futures, hashlib, json, socket, ssl, sys
folder, asks = sys.argv[1], json.load(sys.stdin)
def context(tls):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if tls['versions'] == '1.2': made.maximum_version = ssl.TLSVersion.TLSv1_2
    if tls['versions'] == '1.3': made.minimum_version = ssl.TLSVersion.TLSv1_3
    if tls['protocols']: made.set_alpn_protocols(tls['protocols'])
    if tls['certificate']:
        made.load_cert_chain(*[folder + '/' + tls['certificate'] + end for end in ('.pem', '.key')])
    return made
frame = lambda kind, flags, stream, data: len(data).to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + data
def request(speak):
    if speak == 'http1': return b'GET /a HTTP/1.1\\r\\nhost: a.example\\r\\nconnection: close\\r\\n\\r\\n'
    if speak == 'http10': return b'GET /a HTTP/1.0\\r\\nhost: a.example\\r\\n\\r\\n'
    if speak == 'bytes': return b'hello, whoever you are\\n'
    head = bytes([0x82, 0x86, 0x84, 0x41, 9]) + b'a.example'
    return b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + frame(4, 0, 0, b'') + frame(1, 5, 1, head)
def frames(data):
    while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], 'big'):
        end = 9 + int.from_bytes(data[:3], 'big')
        yield data[3], data[4], data[9:end]
        data = data[end:]
def whole(speak, data):
    if data.startswith(b'this is') and data.endswith(b'.\\n'): return True
    if speak == 'h2': return any((kind == 0 and flags & 1) or kind in (3, 7) for kind, flags, _ in frames(data))
    if speak == 'http1' or speak == 'http10':
        head, _, body = data.partition(b'\\r\\n\\r\\n')
        length = [line for line in head.lower().split(b'\\r\\n') if line.startswith(b'content-length:')]
        return bool(length) and len(body) >= int(length[0].split(b':')[1])
    return False
def ask(one):
    told = {'version': None, 'protocol': None, 'certificate': None, 'received': ''}
    data, speak, tls = b'', one['speak'], one['tls']
    try:
        own = socket.create_connection(('127.0.0.1', one['port']), 5)
        own.sendall(one['before'].encode('latin1'))
        if tls:
            own = context(tls).wrap_socket(own, server_hostname=tls['name'])
            told['version'], told['protocol'] = own.version(), own.selected_alpn_protocol()
            told['certificate'] = hashlib.sha256(own.getpeercert(True)).hexdigest()
            if told['protocol'] == 'h2' and speak.startswith('http'): speak = 'h2'
        own.settimeout(1.2 if speak == 'silence' else 2)
        if speak != 'silence': own.sendall(request(speak))
        while not whole(speak, data):
            got = own.recv(65536)
            if not got: break
            data += got
    except OSError: pass
    if speak == 'h2' and not data.startswith(b'HTTP'):
        data = b''.join(body for kind, _, body in frames(data) if kind == 0)
    told['received'] = data.decode('latin1')
    return told
with concurrent.futures.ThreadPoolExecutor(${atOnce}) as pool: print(json.dumps(list(pool.map(ask, asks))))
`;

/** `folder` holds the certificates that are named. */
export async function askConnections(
  folder: string,
  asks: readonly ConnectionAsk[],
): Promise<readonly ConnectionTold[]> {
  const path = join(folder, 'asker.py');
  await Bun.write(path, script);
  const { code, out, err } = await run(['python3', path, folder], JSON.stringify(asks));
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as readonly ConnectionTold[];
}
