// Who may ask, on a real API server: tokens of real accounts, looked at by TokenReview; grpcurl (grpc-go) and a real
// Envoy as clients over TLS with the control plane's own authority. `WEFT_KUBENET` names the folder of the rig.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEnvoy } from '../../testing/envoy.ts';
import { freePort, run } from '../../testing/programs.ts';
import { describeOnCluster, Rig } from '../../testing/rig.ts';
import { until } from '../../testing/until.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../../..');
const ads = 'envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const host = 'weft-control.weft-system.svc';

const pod = (namespace: string, name: string, account: string) => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${account}, namespace: ${namespace} }
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { serviceAccountName: ${account}, containers: [{ name: main, image: debian, command: [sleep, infinity] }] }
---
`;

const objects = `${['weft-system', 'shop', 'bank']
  .map((name) => `{ apiVersion: v1, kind: Namespace, metadata: { name: ${name} } }\n---\n`)
  .join('')}${pod('shop', 'web-1', 'web')}${pod('bank', 'ledger-1', 'ledger')}
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
`;

describeOnCluster('who may ask', () => {
  const rig = new Rig();
  const { folder } = rig;
  let plane: Bun.Subprocess;
  const [port, admin] = [freePort(), freePort()];
  const shell = (script: string) => rig.shell(script);
  const sh = async (script: string, input = '') => (await rig.sh(script, input)).trim();

  const tokenOf = (namespace: string, account: string, name: string, audience = 'weft') =>
    sh(
      `kubectl create token ${account} -n ${namespace} --audience ${audience} --bound-object-kind Pod --bound-object-name ${name}`,
    );

  /** What a client is told that asks for all clusters as this node. */
  async function ask(node: object, token: string | null, flags: readonly string[] = []): Promise<string> {
    const request = { node, type_url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster' };
    const { out, err } = await run(
      [
        join(folder, 'grpcurl'),
        ...['-cacert', join(folder, 'ca.crt'), '-authority', host, '-max-time', '10', '-d', '@'],
        ...(token === null ? [] : ['-H', `authorization: Bearer ${token}`]),
        ...flags,
        `127.0.0.1:${port}`,
        ads,
      ],
      JSON.stringify(request),
    );
    return out + err;
  }

  beforeAll(async () => {
    await rig.up();
    const build = ['go', 'install', 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3'];
    const built = Bun.spawnSync(build, {
      cwd: folder,
      env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
    });
    if (!built.success) throw new Error(built.stderr.toString());
    await sh('kubectl apply -f - >/dev/null', objects);
    plane = Bun.spawn(
      [
        join(root, 'bin/weft'),
        ...['control', '--kubernetes', '--kubeconfig', join(folder, 'cluster/kubeconfig')],
        ...['--xds', '127.0.0.1:0', '--xds-tls', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`],
      ],
      {
        env: { ...process.env, POD_NAME: 'control-a', POD_NAMESPACE: 'weft-system' },
        stdio: ['ignore', 'ignore', Bun.file(join(folder, 'control.log'))],
      },
    );
    const map = 'kubectl get configmap weft-ca -n shop -o jsonpath={.data.ca\\\\.crt}';
    await until('the roots', async () => (await shell(map)).code === 0);
    writeFileSync(join(folder, 'ca.crt'), `${await sh(map)}\n`);
  }, 300_000);

  afterAll(async () => {
    plane?.kill('SIGKILL');
    await rig.down();
  }, 60_000);

  test('a Pod with its own token gets its picture, and its labels are those of the Pod', async () => {
    const token = await tokenOf('shop', 'web', 'web-1');
    const said = await ask({ id: 'sidecar~web-1.shop', metadata: { labels: { app: 'ledger' } } }, token);
    expect(said).toContain('"name": "shop/cart:80"');
  });

  test('its certificate is for its Service, and of the authority in the ConfigMap', async () => {
    const { out } = await run([
      ...['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', join(folder, 'ca.crt')],
      ...['-verify_hostname', host, '-verify_return_error', '-x509_strict', '-alpn', 'h2'],
    ]);
    expect(out).toContain('Verify return code: 0 (ok)');
    expect(out).toContain('ALPN protocol: h2');
  });

  test('who proves nothing, or is another, is refused with the reason, and counted', async () => {
    const web = await tokenOf('shop', 'web', 'web-1');
    const sidecar = { id: 'sidecar~web-1.shop' };
    const refused: readonly [object, string | null, string][] = [
      [sidecar, null, 'Unauthenticated'],
      [sidecar, 'rubbish', 'the API server refuses the token'],
      [sidecar, await tokenOf('shop', 'web', 'web-1', 'vault'), 'Unauthenticated'],
      [sidecar, await sh('kubectl create token web -n shop --audience weft'), 'is bound to no Pod'],
      [{ id: 'sidecar~ledger-1.bank' }, web, 'says that it is ledger-1.bank, and it is web-1.shop'],
      [{ id: 'sidecar~web-1.bank' }, web, 'PermissionDenied'],
      [{ ...sidecar, metadata: { namespace: 'bank' } }, web, 'says that its namespace is bank'],
      [{ id: 'gateway~web-1.shop', cluster: 'edge' }, web, 'does not carry'],
      [{ id: 'agent~node-1' }, web, 'an agent is of the account weft-system/weft-agent'],
    ];
    for (const [node, token, words] of refused) expect(await ask(node, token)).toContain(words);
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    expect(metrics).toContain('weft_control_callers_total{verdict="permission-denied"} 6');
    expect(metrics).toContain('weft_control_callers_total{verdict="unauthenticated"} 3');
  });

  test('the token of a Pod that is gone lets nobody in', async () => {
    await sh('kubectl apply -f - >/dev/null', pod('shop', 'gone-1', 'gone'));
    const token = await tokenOf('shop', 'gone', 'gone-1');
    expect(await ask({ id: 'sidecar~gone-1.shop' }, token)).toContain('shop/cart:80');
    await sh('kubectl delete pod gone-1 -n shop --grace-period=0 --force >/dev/null 2>&1');
    // What was said of the token is still kept; the Pod is not there any more.
    await until(
      'it is heard of',
      async () => !(await ask({ id: 'sidecar~gone-1.shop' }, token)).includes('cart:80'),
    );
    expect(await ask({ id: 'sidecar~gone-1.shop' }, token)).toContain(
      'the Pod of gone-1.shop is not known (yet)',
    );
  });

  test('a ConfigMap that somebody deletes comes back', async () => {
    await sh('kubectl delete configmap weft-ca -n bank >/dev/null');
    await until('it is back', async () => (await shell('kubectl get configmap weft-ca -n bank')).code === 0);
  });

  test('a real Envoy, its token from a file that it reads again', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'rubbish');
    const envoy = startEnvoy(bootstrapFor(folder, port, token));
    // It is let in by what the kubelet would put in place of a token that has expired.
    writeFileSync(`${token}.next`, await tokenOf('shop', 'web', 'web-1'));
    await run(['mv', `${token}.next`, token]);
    const running = await envoy;
    await until('its clusters', async () => {
      const stats = await running.stats('^cluster_manager.active_clusters$');
      return Object.values(stats).some((count) => count > 1);
    });
    await running.stop();
  });
});

/** As docs/xds.md has it for Envoy. */
function bootstrapFor(folder: string, port: number, tokenFile: string): object {
  const secret = join(folder, 'token-secret.json');
  const generic = { name: 'token', generic_secret: { secret: { filename: tokenFile } } };
  const type = 'type.googleapis.com/envoy.extensions';
  const resource = { '@type': `${type}.transport_sockets.tls.v3.Secret`, ...generic };
  writeFileSync(secret, JSON.stringify({ resources: [resource] }));
  const source = {
    path_config_source: { path: secret, watched_directory: { path: folder } },
    resource_api_version: 'V3',
  };
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: { id: 'sidecar~web-1.shop', cluster: 'web' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: { http2_protocol_options: {} },
              http_filters: [
                {
                  name: 'envoy.filters.http.credential_injector',
                  typed_config: {
                    '@type': `${type}.filters.http.credential_injector.v3.CredentialInjector`,
                    overwrite: true,
                    credential: {
                      name: 'envoy.http.injected_credentials.generic',
                      typed_config: {
                        '@type': `${type}.http.injected_credentials.generic.v3.Generic`,
                        credential: { name: 'token', sds_config: source },
                        header_value_prefix: 'Bearer ',
                      },
                    },
                  },
                },
                {
                  name: 'envoy.filters.http.upstream_codec',
                  typed_config: { '@type': `${type}.filters.http.upstream_codec.v3.UpstreamCodec` },
                },
              ],
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
          transport_socket: {
            name: 'envoy.transport_sockets.tls',
            typed_config: {
              '@type': `${type}.transport_sockets.tls.v3.UpstreamTlsContext`,
              sni: host,
              common_tls_context: {
                alpn_protocols: ['h2'],
                validation_context: {
                  trusted_ca: { filename: join(folder, 'ca.crt') },
                  match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: host } }],
                },
              },
            },
          },
        },
      ],
    },
  };
}
