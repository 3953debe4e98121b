// What users write, and what becomes of a call through clients of the control plane of every make. One Service (or a
// few) a case, all in the namespace `shop`; a case says what each kind of client answers, and where a client of gRPC
// cannot have a feature, why.

import type { Call, Outcome } from './feature-clients.ts';

/** Ports of servers that echo: `a` and `b` by name, `s` in TLS, `inbound` of an Envoy before `a`. */
export interface FeaturePorts {
  readonly a: number;
  readonly b: number;
  readonly s: number;
  readonly inbound: number;
  /** PEM, indented by nothing: who signed the certificate of `s`. */
  readonly authority: string;
}

export interface Asker {
  call(call: Call): Promise<Outcome>;
  /** What no other asker is called. */
  readonly id: string;
  /** Calls so often at once: by which server each was answered, or how it ended. */
  answers(call: Call, times: number): Promise<readonly string[]>;
  /** Calls that came to servers with this `x-call`. */
  arrivals(id: string): number;
  /** Writes further manifests, as if the user did. */
  write(file: string, text: string): Promise<void>;
}

export interface FeatureCase {
  readonly name: string;
  manifests(ports: FeaturePorts): string;
  ask(asker: Asker, ports: FeaturePorts): Promise<unknown>;
  /** Of Envoy; and of gRPC's clients, unless they have {@link proxyless}. */
  readonly expected: unknown;
  readonly proxyless?: { readonly expected: unknown; readonly why: string };
}

interface ServiceOptions {
  readonly ports?: string;
  readonly spec?: string;
}

const h2c = 'appProtocol: kubernetes.io/h2c';

function service(name: string, { ports, spec }: ServiceOptions = {}): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [${ports ?? `{ name: grpc, port: 80, ${h2c} }`}]${spec ?? ''} }
`;
}

interface SliceOptions {
  /** Fields of the endpoint. */
  readonly endpoint?: string;
  readonly port?: string;
  readonly labels?: string;
}

let slices = 0;

function slice(
  name: string,
  port: number,
  { endpoint = '', port: portName = 'grpc', labels = '' }: SliceOptions = {},
) {
  slices += 1;
  return `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-${slices}, namespace: shop, labels: { kubernetes.io/service-name: ${name}${labels} } }
addressType: IPv4
ports: [{ name: ${portName}, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1]${endpoint} }]
`;
}

/** A Service that one server stands behind, or several. */
function local(name: string, ...ports: readonly number[]): string {
  return service(name) + ports.map((port) => slice(name, port)).join('');
}

function route(name: string, rules: string, kind = 'HTTPRoute', namespace = 'shop'): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: { parentRefs: [{ group: "", kind: Service, name: ${name}, namespace: shop }], rules: [${rules}] }
`;
}

function policy(name: string, spec: string): string {
  return `---
apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: ${name}, namespace: shop }
spec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], ${spec} }
`;
}

const backends = (...names: readonly string[]) =>
  `backendRefs: [${names.map((name) => `{ name: ${name}, port: 80 }`).join(', ')}]`;

/** A rule that sends what fits to `to-b`; everything else to itself, so that a match can be told from none. */
const split = (name: string, match: string) =>
  `{ matches: [{ ${match} }], ${backends('to-b')} }, { ${backends(name)} }`;

/** By which server a call was answered, or how it ended. */
export const serverOf = ({ code, echoed }: Outcome) => echoed?.backend ?? code;

/** Calls once each way: what fits the match, what does not. */
function matching(name: string, match: string, fits: Partial<Call>, not: Partial<Call>): FeatureCase {
  const host = name.replaceAll(' ', '-');
  return {
    name: `a route by ${name}`,
    manifests: ({ a }) => local(host, a) + route(host, split(host, match)),
    ask: async ({ call }) =>
      Promise.all([fits, not].map(async (one) => serverOf(await call({ host, ...one })))),
    expected: ['b', 'a'],
  };
}

const noRoute = 'UNAVAILABLE';
const unique = (values: readonly string[]) => [...new Set(values)].sort();

/** A client calls the first server that it has a connection to: until all have been reached, or in vain. */
async function reachAll({ answers }: Pick<Asker, 'answers'>, host: string, servers: number) {
  let reached: readonly string[] = [];
  for (let rounds = 0; rounds < 100 && reached.length < servers; rounds++)
    reached = unique([...reached, ...(await answers({ host }, 4))]);
  return reached;
}

/** What other cases send to. */
const shared: FeatureCase = {
  name: 'a Service by each of its names',
  manifests: ({ a, b }) => local('plain', a) + local('to-b', b),
  ask: async ({ call }) => {
    const names = ['plain', 'plain:80', 'plain.shop', 'plain.shop.svc:80', 'plain.shop.svc.cluster.local'];
    return unique(await Promise.all(names.map(async (host) => serverOf(await call({ host })))));
  },
  expected: ['a'],
};

const matches: readonly FeatureCase[] = [
  matching(
    'an exact path',
    'path: { type: Exact, value: /shop.Cart/Put }',
    { path: '/shop.Cart/Put' },
    { path: '/shop.Cart/PutAll' },
  ),
  matching(
    'a prefix of a path',
    'path: { type: PathPrefix, value: /shop.Till }',
    { path: '/shop.Till/Get' },
    { path: '/shop.Tills/Get' },
  ),
  matching(
    'an expression for a path',
    'path: { type: RegularExpression, value: "/shop[.].*/Get.+" }',
    { path: '/shop.Cart/GetAll' },
    { path: '/shop.Cart/Get' },
  ),
  matching('a header', 'headers: [{ name: x-version, value: two }]', { headers: { 'x-version': 'two' } }, {}),
  matching(
    'an expression for a header',
    'headers: [{ type: RegularExpression, name: x-version, value: "t.o" }]',
    { headers: { 'x-version': 'two' } },
    { headers: { 'x-version': 'twofold' } },
  ),
  matching(
    'two headers',
    'headers: [{ name: x-a, value: "1" }, { name: x-b, value: "2" }]',
    {
      headers: { 'x-a': '1', 'x-b': '2' },
    },
    { headers: { 'x-a': '1' } },
  ),
  matching(
    'the method of calls',
    'method: POST, path: { value: /shop.Till }',
    { path: '/shop.Till/Get' },
    {},
  ),
  {
    name: 'what no call can fit: another method, a query',
    manifests: ({ a }) =>
      local('no-call', a) +
      route(
        'no-call',
        `{ matches: [{ method: GET }, { queryParams: [{ name: v, value: two }] }], ${backends('to-b')} }, { ${backends('no-call')} }`,
      ),
    ask: async ({ call }) => serverOf(await call({ host: 'no-call' })),
    expected: 'a',
  },
  {
    name: 'what no attached route fits is refused',
    manifests: ({ a }) =>
      local('strict', a) +
      route('strict', `{ matches: [{ path: { value: /shop.Till } }], ${backends('strict')} }`),
    ask: async ({ call }) => [
      serverOf(await call({ host: 'strict', path: '/shop.Till/Get' })),
      serverOf(await call({ host: 'strict' })),
    ],
    expected: ['a', 'UNIMPLEMENTED'],
    proxyless: { expected: ['a', noRoute], why: 'the client itself says that no route fits (gRFC A28)' },
  },
  {
    name: 'a GRPCRoute by service and method',
    manifests: ({ a }) =>
      local('grpc-route', a) +
      route(
        'grpc-route',
        `{ matches: [{ method: { service: shop.Cart, method: Put } }, { method: { service: shop.Till }, headers: [{ name: x-a, value: "1" }] }], ${backends('to-b')} }, { matches: [{ method: { type: RegularExpression, service: "shop[.].*" } }], ${backends('grpc-route')} }`,
        'GRPCRoute',
      ),
    ask: async ({ call }) => {
      const host = 'grpc-route';
      return [
        serverOf(await call({ host, path: '/shop.Cart/Put' })),
        serverOf(await call({ host, path: '/shop.Till/Any', headers: { 'x-a': '1' } })),
        serverOf(await call({ host, path: '/shop.Till/Any' })),
        serverOf(await call({ host, path: '/shop.Cart/Get' })),
      ];
    },
    expected: ['b', 'b', 'a', 'a'],
  },
  {
    name: 'routes that the caller’s namespace says for itself',
    manifests: ({ a }) => `${local('consumed', a).replaceAll('namespace: shop', 'namespace: far')}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: consumed, namespace: shop }
spec: { parentRefs: [{ group: "", kind: Service, name: consumed, namespace: far }], rules: [{ ${backends('to-b')} }] }
`,
    ask: async ({ call }) => serverOf(await call({ host: 'consumed.far' })),
    expected: 'b',
  },
];

const actions: readonly FeatureCase[] = [
  {
    name: 'weights, and none',
    manifests: ({ a }) =>
      local('weighted', a) +
      route(
        'weighted',
        '{ matches: [{ path: { value: /shop.Till } }], backendRefs: [{ name: weighted, port: 80, weight: 1 }, { name: to-b, port: 80, weight: 1 }] }, { backendRefs: [{ name: weighted, port: 80, weight: 1 }, { name: to-b, port: 80, weight: 0 }] }',
      ),
    ask: async ({ answers }) => [
      unique(await answers({ host: 'weighted', path: '/shop.Till/Get' }, 40)),
      unique(await answers({ host: 'weighted' }, 20)),
    ],
    expected: [['a', 'b'], ['a']],
  },
  {
    name: 'a backend that is not there has its share',
    manifests: ({ a }) => local('hole', a) + route('hole', `{ ${backends('hole', 'gone')} }`),
    ask: async ({ answers }) => unique(await answers({ host: 'hole' }, 40)),
    expected: ['UNKNOWN', 'a'],
    proxyless: { expected: ['UNAVAILABLE', 'a'], why: 'it has no HTTP status: nobody is there to call' },
  },
  {
    name: 'no backend at all',
    manifests: ({ a }) => local('none', a) + route('none', `{ ${backends('gone')} }`),
    ask: async ({ call }) => serverOf(await call({ host: 'none' })),
    expected: 'UNKNOWN',
    proxyless: { expected: 'UNAVAILABLE', why: 'it has no HTTP status: nobody is there to call' },
  },
  {
    name: 'a redirect',
    manifests: ({ a }) =>
      local('moved', a) +
      route('moved', '{ filters: [{ type: RequestRedirect, requestRedirect: { hostname: to-b } }] }'),
    ask: async ({ call }) => serverOf(await call({ host: 'moved' })),
    expected: 'UNKNOWN',
    proxyless: { expected: 'UNAVAILABLE', why: 'gRPC has no redirects' },
  },
  {
    name: 'edits of headers, path and host',
    manifests: ({ a }) =>
      local('edited', a) +
      route(
        'edited',
        `{ filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-added, value: "1" }] } }, { type: ResponseHeaderModifier, responseHeaderModifier: { remove: [x-gone] } }, { type: URLRewrite, urlRewrite: { hostname: inner, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }], matches: [{ path: { value: /shop.Cart } }], ${backends('edited')} }`,
      ),
    ask: async ({ call }) => {
      const { echoed } = await call({ host: 'edited' });
      return [echoed?.path, echoed?.authority, echoed?.headers['x-added']];
    },
    expected: ['/new/Get', 'inner', '1'],
    proxyless: {
      expected: ['/shop.Cart/Get', 'edited', undefined],
      why: 'clients edit nothing (A28), and a host only of servers that their bootstrap trusts (A81)',
    },
  },
  {
    name: 'a copy, and who may read across origins',
    manifests: ({ a }) =>
      local('copied', a) +
      route(
        'copied',
        `{ filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: to-b, port: 80 } } }, { type: CORS, cors: { allowOrigins: ["https://a.example"] } }], ${backends('copied')} }`,
      ),
    ask: async ({ call, arrivals }) => {
      const id = crypto.randomUUID();
      const server = serverOf(await call({ host: 'copied', headers: { 'x-call': id } }));
      // A copy is on its way before the answer is.
      for (let looks = 0; looks < 50 && arrivals(id) < 2; looks++) await Bun.sleep(2);
      return [server, arrivals(id)];
    },
    expected: ['a', 2],
    proxyless: { expected: ['a', 1], why: 'clients copy nothing (A28)' },
  },
];

const slow = { 'x-do': 'be slow' } as const;
const failsOnce = (id: string) => ({ 'x-do': 'fail once', 'x-call': id });

const patience: readonly FeatureCase[] = [
  {
    name: 'the timeout of a route, and of a policy',
    manifests: ({ a }) =>
      local('rule-time', a) +
      route('rule-time', `{ timeouts: { request: 100ms }, ${backends('rule-time')} }`) +
      local('policy-time', a) +
      policy('policy-time', 'timeouts: { request: 100ms }'),
    ask: ({ call }) =>
      Promise.all(
        ['rule-time', 'policy-time'].map(async (host) => serverOf(await call({ host, headers: slow }))),
      ),
    expected: ['UNAVAILABLE', 'UNAVAILABLE'],
    proxyless: {
      expected: ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
      why: 'max_stream_duration is its word for it (A31), and this is what that ends with',
    },
  },
  {
    name: 'no default cuts a call short of its own deadline',
    manifests: ({ a }) => local('patient', a),
    ask: async ({ call }) => [
      serverOf(await call({ host: 'patient', headers: slow })),
      serverOf(await call({ host: 'patient', headers: slow, deadlineMs: 100 })),
    ],
    expected: ['a', 'DEADLINE_EXCEEDED'],
  },
  {
    name: 'another attempt where a POST may be repeated',
    manifests: ({ a }) =>
      local('repeated', a) +
      policy('repeated', 'retry: { "on": [Unavailable], methods: [POST], attempts: 2 }'),
    ask: async ({ call, arrivals }) => {
      const id = crypto.randomUUID();
      const server = serverOf(await call({ host: 'repeated', headers: failsOnce(id) }));
      return [server, arrivals(id)];
    },
    expected: ['a', 2],
  },
  {
    name: 'no other attempt where it may not, or where none is wanted',
    manifests: ({ a }) =>
      local('once', a) +
      local('never', a) +
      policy('never', 'retry: { attempts: 0 }, timeouts: { attempt: 5s }'),
    ask: ({ call, arrivals }) =>
      Promise.all(
        ['once', 'never'].map(async (host) => {
          const id = crypto.randomUUID();
          return [serverOf(await call({ host, headers: failsOnce(id) })), arrivals(id)];
        }),
      ),
    expected: [
      ['UNAVAILABLE', 1],
      ['UNAVAILABLE', 1],
    ],
  },
];

const endpoints: readonly FeatureCase[] = [
  ...['LatencyAware', 'LeastRequest', 'RoundRobin', 'Random'].map((type): FeatureCase => {
    const host = `by-${type.toLowerCase()}`;
    return {
      name: `load balancing by ${type}`,
      manifests: ({ a, b }) => local(host, a, b) + policy(host, `loadBalancing: { type: ${type} }`),
      ask: ({ answers }) => reachAll({ answers }, host, 2),
      expected: ['a', 'b'],
    };
  }),
  {
    name: 'the caller’s own zone first',
    manifests: ({ a, b }) =>
      service('near', { spec: ', trafficDistribution: PreferSameZone' }) +
      slice('near', a, { endpoint: ', zone: a' }) +
      slice('near', b, { endpoint: ', zone: b' }),
    ask: async ({ answers }) => unique(await answers({ host: 'near' }, 12)),
    expected: ['a'],
  },
  {
    name: 'who is not ready is not called, and who goes is called last',
    manifests: ({ a, b }) =>
      service('going') +
      slice('going', a) +
      slice('going', b, {
        endpoint: ', conditions: { ready: false, serving: true, terminating: true }',
      }) +
      service('starting') +
      slice('starting', a) +
      slice('starting', b, { endpoint: ', conditions: { ready: false, serving: false }' }) +
      service('last') +
      slice('last', b, { endpoint: ', conditions: { ready: false, serving: true, terminating: true }' }),
    ask: ({ answers }) =>
      Promise.all(['going', 'starting', 'last'].map(async (host) => unique(await answers({ host }, 8)))),
    expected: [['a'], ['a'], ['b']],
  },
  {
    name: 'nobody is there',
    manifests: () => service('empty'),
    ask: async ({ call }) => serverOf(await call({ host: 'empty' })),
    expected: 'UNAVAILABLE',
  },
  {
    name: 'ports by number, and a pod by its own name',
    manifests: ({ a, b }) =>
      service('ports', { ports: `{ name: one, port: 80, ${h2c} }, { name: two, port: 81, ${h2c} }` }) +
      slice('ports', a, { port: 'one' }) +
      slice('ports', b, { port: 'two' }) +
      service('db', { spec: ', clusterIP: None' }) +
      slice('db', a, { endpoint: ', hostname: db-0' }) +
      slice('db', b, { endpoint: ', hostname: db-1' }),
    ask: ({ call }) =>
      Promise.all(
        ['ports', 'ports:81', 'db-0.db', 'db-1.db.shop.svc'].map(async (host) =>
          serverOf(await call({ host })),
        ),
      ),
    expected: ['a', 'b', 'a', 'b'],
  },
  {
    name: 'a limit of requests at once',
    manifests: ({ a }) => local('limited', a) + policy('limited', 'limits: { requests: 1 }'),
    ask: async ({ call, arrivals }) => {
      const id = crypto.randomUUID();
      const first = call({ host: 'limited', headers: { ...slow, 'x-call': id } });
      for (let looks = 0; looks < 1000 && arrivals(id) === 0; looks++) await Bun.sleep(2);
      const second = serverOf(await call({ host: 'limited' }));
      return [serverOf(await first), second];
    },
    expected: ['a', 'UNAVAILABLE'],
  },
  {
    name: 'who fails in a row is left out',
    manifests: ({ a, b }) =>
      local('ejected', a, b) +
      policy('ejected', 'outlierDetection: { consecutiveFailures: 3, baseEjection: 60s }'),
    ask: async ({ answers }) => {
      const call = { host: 'ejected', headers: { 'x-do': 'fail at b' } };
      await reachAll({ answers }, call.host, 2);
      await answers(call, 40);
      return unique(await answers(call, 40));
    },
    expected: ['a'],
    proxyless: {
      expected: ['UNAVAILABLE', 'a'],
      why: 'clients eject by rates of success and failure alone (A50)',
    },
  },
  {
    name: 'checks of health, a slow start, a budget of retries, an objective',
    manifests: ({ a }) =>
      local('watched', a) +
      policy(
        'watched',
        'healthCheck: { http: { path: /healthz } }, loadBalancing: { type: LeastRequest, slowStart: { window: 10s } }, retryBudget: { budget: { percent: 30 } }, objective: { availability: 99.9 }, outlierDetection: { interval: 100ms, successRate: { minimumRequests: 50 } }',
      ),
    ask: async ({ call }) => serverOf(await call({ host: 'watched' })),
    expected: 'a',
  },
  {
    name: 'a name outside the cluster that does not exist',
    manifests: () => service('outside', { spec: ', type: ExternalName, externalName: nowhere.invalid' }),
    ask: async ({ call }) => (await call({ host: 'outside', deadlineMs: 300 })).echoed,
    expected: null,
  },
  {
    name: 'endpoints that move',
    manifests: () => '',
    ask: async ({ id, call, write }, { a, b }) => {
      const host = `moving-${id}`;
      const reached: string[] = [];
      for (const [port, server] of [
        [a, 'a'],
        [b, 'b'],
      ] as const) {
        const moved = slice(host, port).replace(/name: moving-\d+-\d+/, `name: ${host}`);
        await write(`${host}.yaml`, service(host) + moved);
        for (let tries = 0; tries < 1000 && reached.at(-1) !== server; tries++) {
          const one = serverOf(await call({ host }));
          if (one === server) reached.push(one);
          else await Bun.sleep(2);
        }
      }
      return reached;
    },
    expected: ['a', 'b'],
  },
];

const security: readonly FeatureCase[] = [
  {
    name: 'TLS towards the server',
    manifests: ({ s, authority }) =>
      local('secure', s) +
      `---
apiVersion: v1
kind: ConfigMap
metadata: { name: authority, namespace: shop }
data: { ca.crt: ${JSON.stringify(authority)} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: secure, namespace: shop }
spec:
  targetRefs: [{ group: "", kind: Service, name: secure }]
  validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: authority }], hostname: secure.example }
`,
    ask: async ({ call }) => serverOf(await call({ host: 'secure' })),
    expected: 's',
    proxyless: {
      expected: 'UNAVAILABLE',
      why: 'trust comes of its own bootstrap (A29), and it is not to call in plaintext instead',
    },
  },
  {
    name: 'who may call, at the sidecar of who is called',
    manifests: ({ a, inbound }) =>
      ['fenced', 'let-in']
        .map(
          (name) =>
            service(name, { ports: `{ name: ${name}, port: 80, targetPort: ${name}, ${h2c} }` }).replace(
              `app: ${name}`,
              'app: keeper',
            ) + slice(name, inbound, { port: name, labels: ', weft.dev/proxied: "true"' }),
        )
        .join('') +
      fence('fenced', '10.9.0.0/16') +
      fence('let-in', '127.0.0.0/8') +
      local('unfenced', a),
    ask: ({ call }) =>
      Promise.all(['fenced', 'let-in', 'unfenced'].map(async (host) => serverOf(await call({ host })))),
    expected: ['PERMISSION_DENIED', 'b', 'a'],
  },
];

function fence(name: string, cidr: string): string {
  return `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: shop }
spec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], rules: [{ from: [{ ipBlock: { cidr: ${cidr} } }] }] }
`;
}

/** Subsets and hashes are not among them: nothing that users write asks for either (`consistentHash` is refused). */
export const featureCases: readonly FeatureCase[] = [
  shared,
  ...matches,
  ...actions,
  ...patience,
  ...endpoints,
  ...security,
];
