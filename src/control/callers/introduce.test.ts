import { describe, expect, test } from 'bun:test';
import type { XdsNode } from '../../xds/index.ts';
import { gatewayNameLabel } from '../schema/gateway-labels.ts';
import type { PodResource } from '../schema/resources.ts';
import { introduceNode, type MeshFacts, type ProvenHolder } from './introduce.ts';

function podOf(
  namespace: string,
  name: string,
  account: string,
  more: Partial<PodResource['spec']> = {},
): PodResource {
  const metadata = {
    namespace,
    name,
    generation: 0,
    labels: { app: name, [gatewayNameLabel]: 'edge' },
    annotations: {},
    creationTimestamp: '',
  };
  const spec = {
    serviceAccount: account,
    addresses: [],
    uid: `uid-${name}`,
    nodeName: 'n1',
    ended: false,
    ...more,
  };
  return { key: `${namespace}/Pod/${name}`, kind: 'Pod', metadata, spec, origin: { file: '', line: 0 } };
}

const pods = [
  podOf('shop', 'web-1', 'web'),
  podOf('shop', 'web.two', 'web'),
  podOf('shop', 'old-1', 'web', { ended: true }),
  podOf('shop', 'there-1', 'web', { addresses: ['10.1.2.3', 'fd00::3'] }),
  podOf('weft-system', 'agent-1', 'weft-agent'),
  podOf('weft-system', 'agent-2', 'weft-agent', { nodeName: '' }),
];

const mesh: MeshFacts = {
  namespace: 'weft-system',
  findPod: (namespace, name) => pods.find(({ key }) => key === `${namespace}/Pod/${name}`) ?? null,
  findPodOn: (node, namespace, account) =>
    pods.find(
      ({ metadata, spec }) =>
        metadata.namespace === namespace && spec.serviceAccount === account && spec.nodeName === node,
    ) ?? null,
};

function nodeOf(id: string, more: Partial<XdsNode> = {}): XdsNode {
  const locality = { region: '', zone: '', subZone: '' };
  return { id, cluster: '', metadata: {}, locality, userAgent: '', clientFeatures: [], ...more };
}

function byToken(
  namespace: string,
  name: string,
  account: string,
  more: Partial<ProvenHolder> = {},
): ProvenHolder {
  return { namespace, account, pod: { name, uid: `uid-${name}` }, node: '', ...more };
}

const web = byToken('shop', 'web-1', 'web');
const agent = byToken('weft-system', 'agent-1', 'weft-agent', { node: 'n1' });
const certified: ProvenHolder = { namespace: 'shop', account: 'web', pod: null, node: '' };

describe('who is the node that it says it is', () => {
  test.each<[string, XdsNode, ProvenHolder]>([
    ['a sidecar', nodeOf('sidecar~web-1.shop'), web],
    ['one whose name has a dot', nodeOf('sidecar~web.two.shop'), byToken('shop', 'web.two', 'web')],
    ['one that names its namespace', nodeOf('sidecar~web-1.shop', { metadata: { namespace: 'shop' } }), web],
    ['one with a certificate of its account', nodeOf('sidecar~web-1.shop'), certified],
    ['a gateway with the label of its Gateway', nodeOf('gateway~web-1.shop', { cluster: 'edge' }), web],
    ['the agent of its node', nodeOf('agent~n1'), agent],
    ['one whose node the API server does not say', nodeOf('agent~n1'), { ...agent, node: '' }],
    ['one with a certificate', nodeOf('agent~n1'), { ...agent, pod: null, node: '' }],
  ])('%s', (_name, node, holder) => {
    expect(introduceNode(node, holder, mesh)).toMatchObject({ ok: true, value: { id: node.id } });
  });

  test('what is known of the Pod takes the place of what it says', () => {
    const claimed = nodeOf('sidecar~web-1.shop', {
      metadata: { labels: { app: 'bank' }, application: { http: 8080 }, node: 'n7' },
      locality: { region: '', zone: 'a zone that is none', subZone: '' },
    });
    const introduced = introduceNode(claimed, web, mesh);
    expect(introduced).toMatchObject({
      value: {
        metadata: { namespace: 'shop', labels: { app: 'web-1' }, application: { http: 8080 }, node: 'n1' },
        locality: { zone: '' },
      },
    });
    expect(introduceNode(claimed, { ...web, node: 'n3' }, mesh)).toMatchObject({
      value: { metadata: { node: 'n3' } },
    });
  });

  test('whom it calls by its account is of the account that it has', () => {
    const claimed = nodeOf('sidecar~web-1.shop', { metadata: { calls: 'allowed', account: 'root' } });
    const introduced = introduceNode(claimed, web, mesh);
    expect(introduced).toMatchObject({ value: { metadata: { calls: 'allowed', account: 'web' } } });
  });

  test.each([
    ['127.0.0.1:15000', true],
    ['10.1.2.3:15000', true],
    ['[fd00::3]:15000', true],
    ['169.254.169.254:80', false],
    ['10.1.2.4:15000', false],
    ['127.0.0.1:15000/quitquitquit?', false],
    ['127.0.0.1:15000@evil.example:80', false],
    ['127.0.0.1:0', false],
    ['127.0.0.1:65536', false],
    ['localhost:15000', false],
    [15000, false],
  ])('%s as the address to be asked at', (admin, isKept) => {
    const introduced = introduceNode(
      nodeOf('sidecar~there-1.shop', { metadata: { admin, vhds: true } }),
      byToken('shop', 'there-1', 'web'),
      mesh,
    );
    const metadata = introduced.ok ? introduced.value.metadata : {};
    expect([metadata['admin'], metadata['vhds']]).toEqual([isKept ? admin : undefined, true]);
  });

  test('an agent is of no namespace', () => {
    expect(introduceNode(nodeOf('agent~n1'), agent, mesh)).toMatchObject({
      value: { metadata: { namespace: '' } },
    });
  });
});

describe('who is not', () => {
  const denied: readonly [string, XdsNode, ProvenHolder, string][] = [
    ['an id of no role', nodeOf('web-1'), web, 'the node id must be'],
    [
      'another Pod',
      nodeOf('sidecar~web.two.shop'),
      web,
      'says that it is web.two.shop, and it is web-1.shop',
    ],
    [
      'another namespace',
      nodeOf('sidecar~web-1.bank'),
      web,
      'says that it is web-1.bank, and it is web-1.shop',
    ],
    [
      'another namespace in its metadata',
      nodeOf('sidecar~web-1.shop', { metadata: { namespace: 'bank' } }),
      web,
      'says that its namespace is bank, and its Pod is in shop',
    ],
    [
      'a namespace that is no text',
      nodeOf('sidecar~web-1.shop', { metadata: { namespace: 7 } }),
      web,
      'says that its namespace is number',
    ],
    [
      'a Gateway that the Pod does not carry',
      nodeOf('gateway~web-1.shop', { cluster: 'vault' }),
      web,
      'does not carry gateway.networking.k8s.io/gateway-name: vault',
    ],
    [
      'an agent of another account',
      nodeOf('agent~n1'),
      web,
      'an agent is of the account weft-system/weft-agent',
    ],
    ['an agent of another node', nodeOf('agent~n2'), agent, 'says that it is on n2, and it is on n1'],
    [
      'a certificate of another account',
      nodeOf('sidecar~web-1.shop'),
      { ...certified, account: 'cart' },
      'the Pod shop/web-1 is not of the account cart',
    ],
    [
      'a certificate of another namespace',
      nodeOf('sidecar~web-1.shop'),
      { ...certified, namespace: 'bank' },
      'bank/web',
    ],
    ['a Pod that has ended', nodeOf('sidecar~old-1.shop'), byToken('shop', 'old-1', 'web'), 'has ended'],
  ];
  test.each(denied)('%s', (_name, node, holder, reason) => {
    const introduced = introduceNode(node, holder, mesh);
    expect(introduced).toMatchObject({ ok: false, error: { fault: 'permission-denied' } });
    expect(introduced.ok ? '' : introduced.error.reason).toContain(reason);
  });

  test.each<[string, XdsNode, ProvenHolder, string]>([
    [
      'a Pod that was not heard of yet',
      nodeOf('sidecar~new.shop'),
      byToken('shop', 'new', 'web'),
      'is not known (yet)',
    ],
    [
      'one that was another before',
      nodeOf('sidecar~web-1.shop'),
      byToken('shop', 'web-1', 'web', { pod: { name: 'web-1', uid: 'newer' } }),
      'is not known (yet)',
    ],
    [
      'an agent whose node is not known',
      nodeOf('agent~n1'),
      byToken('weft-system', 'agent-2', 'weft-agent'),
      'the node of weft-system/agent-2 is not known yet',
    ],
  ])('%s comes again', (_name, node, holder, reason) => {
    const introduced = introduceNode(node, holder, mesh);
    expect(introduced).toMatchObject({ ok: false, error: { fault: 'unavailable' } });
    expect(introduced.ok ? '' : introduced.error.reason).toContain(reason);
  });
});
