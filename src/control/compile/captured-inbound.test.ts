import { describe, expect, test } from 'bun:test';
import type { AccessModel, AccessRuleModel } from '../model/types.ts';
import { entryOf, fateOf, readListener } from '../testing/connection-fate.ts';
import { compileCapturedInbound, inboundPortsMax, tellInbound } from './captured-inbound.ts';
import type { InboundPort } from './inbound-ports.ts';

const own = 15_006;
const bind = { host: '0.0.0.0', port: own };
const pod = '10.0.0.7';

const compile = (ports: readonly InboundPort[], fenced = false) =>
  compileCapturedInbound({ bind, ipv6: false, fenced, ports });

const rule = (name: string, http: AccessRuleModel['http']): AccessRuleModel => ({
  name,
  owner: `AccessPolicy/a/${name}`,
  callers: null,
  http,
});
const anything = rule('anything', []);
const reads = rule('reads', [{ methods: ['GET'], path: undefined }]);
const paths = rule('paths', [{ methods: [], path: { type: 'PathPrefix', value: '/' } }]);
const fence = (enforced: AccessModel['enforced'], audited: AccessModel['audited'] = null) => ({
  enforced,
  audited,
});

const web: InboundPort = { port: 8080, http: true, access: null };
const sql: InboundPort = { port: 5432, http: false, access: null };

describe('a connection that was led in', () => {
  const listener = compile([web, sql]);
  test.each<readonly [string, number, string, string]>([
    ['the listener itself', own, 'http/1.1', 'inbound'],
    ['HTTP at a port that is read', 8080, 'http/1.1', 'inbound/http:8080, looked at'],
    ['HTTP/2 at a port that is read', 8080, 'h2c', 'inbound/http:8080, looked at'],
    ['bytes at a port that is read', 8080, '', 'inbound/bytes:8080, looked at'],
    ['a port of bytes, where a server may speak first', 5432, '', 'inbound/bytes:5432'],
    ['HTTP at a port of bytes', 5432, 'http/1.1', 'inbound/bytes:5432'],
    ['a port of no Service', 9090, 'http/1.1', 'inbound/passthrough'],
  ])('%s', (_, port, protocol, fate) => {
    expect(fateOf(listener, pod, port, protocol)).toBe(fate);
  });

  test('nobody is waited for where nothing is read', () => {
    expect(fateOf(compile([sql]), pod, 5432, '')).toBe('inbound/bytes:5432');
    expect(entryOf(compile([sql])).inspectHttp).toBe(false);
  });
});

/** Of the filter that judges bytes at a chain: the names of rules that let pass; null: there is none. */
function bytesFence(ports: readonly InboundPort[], chain: string) {
  const { further } = readListener(compile(ports, true));
  const found = further.find(({ config }) => config.chainName === chain);
  if (found === undefined) throw new Error(`no chain ${chain}`);
  const [filter] = found.config.network ?? [];
  if (filter === undefined) return null;
  if (filter.kind !== 'rbac') throw new Error(filter.kind);
  const names = (rules: typeof filter.rules) => rules?.policies.map(({ name }) => name) ?? null;
  return [names(filter.rules), names(filter.shadow)];
}

describe('bytes at a fenced port', () => {
  test('pass by rules that ask for no method and no path', () => {
    const access = fence([anything, reads, paths], [reads]);
    for (const port of [web, sql])
      expect(bytesFence([{ ...port, access }], `bytes:${port.port}`)).toEqual([['anything'], []]);
    expect(bytesFence([{ ...web, access: fence(null, [anything]) }], 'bytes:8080')).toEqual([
      null,
      ['anything'],
    ]);
  });

  test('a port that nobody fenced is none of its neighbour’s', () => {
    const ports = [{ ...web, access: fence([]) }, sql];
    expect(bytesFence(ports, 'bytes:5432')).toBeNull();
    expect(bytesFence(ports, 'passthrough')).toBeNull();
  });
});

describe('of more ports than have chains', () => {
  const many = (count: number, access: AccessModel | null): readonly InboundPort[] =>
    Array.from({ length: count }, (_, at) => ({ port: 20_000 + at, http: false, access }));

  test('fenced ones have theirs, and the rest is carried', () => {
    const ports = [...many(inboundPortsMax, null), { ...web, access: fence([]) }];
    expect(bytesFence(ports, 'bytes:8080')).toEqual([[], null]);
    expect(bytesFence(ports, 'passthrough')).toBeNull();
    expect(tellInbound(ports, own)).toEqual([
      `1 ports of the application beyond ${inboundPortsMax} are carried as bytes`,
    ]);
  });

  test('where a fenced one is left over, nobody passes who has no chain', () => {
    const ports = many(inboundPortsMax + 1, fence([anything]));
    expect(bytesFence(ports, 'passthrough')).toEqual([[], null]);
    expect(tellInbound(ports, own)).toEqual([
      `1 ports of the application beyond ${inboundPortsMax} are refused, with all that no Service names, as fenced ones are among them`,
    ]);
  });

  test('the listener’s own port is not one of them', () => {
    const ports = [...many(inboundPortsMax, null), { ...web, port: own }];
    expect(tellInbound(ports, own)).toEqual([]);
    expect(fateOf(compile(ports), pod, own, 'http/1.1')).toBe('inbound');
  });
});
