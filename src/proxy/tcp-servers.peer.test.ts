// Servers that speak first, and a database, behind the TCP proxy: PostgreSQL by psql (in the clear, and with its own
// STARTTLS), mail by Python's smtplib; also where the listener reads ahead to see TLS, and has to give up waiting for a
// client that waits for the server.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { describeWith, freePort, run, startProgram } from '../testing/programs.ts';
import { cluster, startTlsProxy, tcpListener } from './testing/tls-proxy.ts';

setDefaultTimeout(120_000);

const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-servers-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Two listeners before the server: one as it is, one as an application's connections are captured. */
function before(server: number): { readonly plain: number; readonly captured: number } {
  const ports = { plain: freePort(), captured: freePort() };
  const inspector = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  };
  const { filter_chains, ...captured } = tcpListener('captured', ports.captured, 'server') as {
    readonly filter_chains: readonly object[];
  };
  const listener = {
    ...captured,
    filter_chains: filter_chains.map((chain) => ({
      ...chain,
      filter_chain_match: { transport_protocol: 'raw_buffer' },
    })),
    listener_filters: [{ name: 'tls', typed_config: inspector }],
    listener_filters_timeout: '0.3s',
    continue_on_listener_filters_timeout: true,
  };
  const weft = startTlsProxy({
    static_resources: {
      listeners: [tcpListener('plain', ports.plain, 'server'), listener],
      clusters: [cluster('server', server, null)],
    },
  });
  cleanups.push(() => weft.proxy.stop());
  return ports;
}

/** Debian keeps them apart from what is in the path; a server of PostgreSQL refuses to run as root. */
const binaries = new Bun.Glob('/usr/lib/postgresql/*/bin/postgres').scanSync({ absolute: true });
const [postgres = Bun.which('postgres')] = [...binaries].sort().reverse();
const asNobody = userInfo().uid === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
const postgresPrograms = postgres === null ? ['psql', 'postgres (of PostgreSQL)'] : ['psql'];

describeWith(postgresPrograms, 'PostgreSQL', () => {
  test('tables, a copy of 100,000 rows, a large value and its own TLS', async () => {
    const folder = scratch();
    const data = join(folder, 'data');
    if (asNobody.length > 0) chownSync(folder, 65_534, 65_534);
    chmodSync(folder, 0o755);
    const bin = join(postgres ?? '', '..');
    const made = await run([...asNobody, join(bin, 'initdb'), '-D', data, '-U', 'weft', '-A', 'trust', '-N']);
    expect([made.code, made.code === 0 ? '' : made.err]).toEqual([0, '']);
    const certificate = createAuthority().issue({ dns: ['localhost'] });
    const [key, chain] = [join(folder, 'key.pem'), join(folder, 'chain.pem')];
    writeFileSync(key, certificate.keyPem, { mode: 0o600 });
    writeFileSync(chain, certificate.chainPem);
    if (asNobody.length > 0) chownSync(key, 65_534, 65_534);
    const own = freePort();
    const settings = {
      ssl: 'on',
      ssl_cert_file: chain,
      ssl_key_file: key,
      fsync: 'off',
      listen_addresses: '127.0.0.1',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const sql = (port: number, mode: string, text: string) =>
      run(
        [
          'psql',
          '-X',
          '-q',
          '-A',
          '-t',
          `host=127.0.0.1 port=${port} user=weft dbname=postgres sslmode=${mode}`,
        ],
        text,
      );
    const server = await startProgram({
      command: (dir) => [
        ...asNobody,
        postgres ?? '',
        '-D',
        data,
        '-p',
        `${own}`,
        '-k',
        asNobody.length > 0 ? folder : dir,
        ...flags,
      ],
      ready: async () => (await sql(own, 'disable', 'select 1;')).out === '1\n',
    });
    cleanups.push(() => server.stop());
    const ports = before(own);
    for (const [name, port, mode] of [
      ['a', ports.plain, 'disable'],
      ['b', ports.plain, 'require'],
      ['c', ports.captured, 'disable'],
      ['d', ports.captured, 'require'],
    ] as const) {
      const rows = Array.from({ length: 100_000 }, (_, at) => `${at}\tx${at}`).join('\n');
      const table = `create table ${name} (id int, text text); copy ${name} from stdin;\n${rows}\n\\.\n`;
      const answer = await sql(
        port,
        mode,
        `${table} select count(*), sum(id) from ${name}; select length(repeat('x', 20000000));
         select ssl from pg_stat_ssl where pid = pg_backend_pid();`,
      );
      expect([answer.err, answer.out]).toEqual([
        '',
        `100000|4999950000\n20000000\n${mode === 'require' ? 't' : 'f'}\n`,
      ]);
      const large = await sql(port, mode, `select repeat('y', 5000000);`);
      expect(large.out).toHaveLength(5_000_001);
    }
  });
});

const mailServer = `
import sys, time
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        return '250 ' + str(len(envelope.content)) + ' bytes from ' + envelope.mail_from
c = Controller(Handler(), hostname='127.0.0.1', port=int(sys.argv[1]), data_size_limit=2**26)
c.start()
print('up', flush=True)
while True: time.sleep(60)
`;

const mailClient = `
import smtplib, sys
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=30)
s.ehlo()
for size in (10, 100000):
    s.mail('ada@bank.example'); s.rcpt('eve@bank.example')
    code, text = s.data('x\\r\\n' * size)
    print(code, text.decode())
s.quit()
`;

const hasMail = Bun.which('python3') !== null && Bun.spawnSync(['python3', '-c', 'import aiosmtpd']).success;

describeWith(hasMail ? ['python3'] : ['aiosmtpd of Python'], 'mail, whose server speaks first', () => {
  test('small and large, also where the listener waits for the client to speak', async () => {
    const own = freePort();
    const server = await startProgram({
      command: () => ['python3', '-c', mailServer, `${own}`],
      ready: async () => (await run(['python3', '-c', mailClient, `${own}`])).code === 0,
    });
    cleanups.push(() => server.stop());
    for (const port of Object.values(before(own))) {
      const { err, out } = await run(['python3', '-c', mailClient, `${port}`]);
      expect([err, out]).toEqual([
        '',
        '250 30 bytes from ada@bank.example\n250 300000 bytes from ada@bank.example\n',
      ]);
    }
  });
});
