// The deployed mesh on a real cluster: installed, injected by manifest and by webhook, called, rolled. `WEFT_KUBENET`
// names the folder of the rig that starts one (its commands are up, down, load-image); without it there is no cluster
// to try.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { parse } from 'yaml';
import { definitionsFolder } from '../control/testing/gateway-api.ts';
import { describeWith } from '../testing/programs.ts';
import { describeOnCluster, Rig, rigFolder } from '../testing/rig.ts';
import { until } from '../testing/until.ts';
import { meshPorts } from './limits.ts';
import { defineCalico } from './testing/calico.ts';
import { type InjectedPod, withEnvoy } from './testing/envoy-sidecar.ts';
import {
  branch,
  fence,
  guest,
  job,
  monitoring,
  named,
  operated,
  ordinary,
  shop,
  sized,
  strict,
  strictPod,
  taken,
  taking,
} from './testing/kubernetes-manifests.ts';
import { playBlock } from './testing/kubernetes-page.ts';
import { configureByOperator, defineMonitors } from './testing/prometheus-operator.ts';

setDefaultTimeout(180_000);

const root = join(import.meta.dir, '../..');
const callsCount = 300;

/** What the kubelet says of a container that ended. */
interface Ended {
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly message?: string;
}

interface RouteParent {
  readonly parentRef: object;
  readonly controllerName: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly reason: string;
    readonly observedGeneration: number;
    readonly lastTransitionTime: string;
  }[];
}

interface RouteStatus {
  readonly metadata: { readonly generation: number };
  readonly status?: { readonly parents: readonly RouteParent[] };
}

describeOnCluster('the mesh on Kubernetes', () => {
  const rig = new Rig();
  const { folder } = rig;
  const weft = join(folder, 'weft');
  const sh = (script: string, input = '') => rig.sh(script, input);
  const shell = (script: string, input = '') => rig.shell(script, input);

  const playDocument = (heading: string, begin: string) => playBlock(rig, heading, begin);

  const caller = (command: string, pod = 'caller') =>
    `kubectl exec -n shop ${pod} -c caller -- sh -c '${command}'`;
  const calls = (count: number, pod = 'caller') =>
    caller(
      `for i in $(seq ${count}); do curl -s -m 5 -o /dev/null -w "%{http_code}\\n" http://hello/ready; sleep 0.05; done | sort | uniq -c`,
      pod,
    );

  /** With an Envoy for a sidecar. It is wanted later, as are the routes, and both are made ready meanwhile. */
  async function startGuest(): Promise<void> {
    const definitions = await definitionsFolder('standard');
    for (const plural of ['httproutes', 'gateways', 'gatewayclasses'])
      await sh(`kubectl apply --server-side -f ${definitions}/*_${plural}.yaml >/dev/null`);
    await rig.loadImage('envoy', ['envoy']);
    const injected: { readonly spec: InjectedPod } = parse(await sh(`${weft} inject -`, guest));
    await sh(
      'kubectl apply -f - >/dev/null',
      JSON.stringify({ ...injected, spec: withEnvoy(injected.spec) }),
    );
  }

  /** What a route's only parent is told, once `ResolvedRefs` has this reason. */
  async function readParent(reason: string): Promise<RouteParent> {
    let route: RouteStatus = { metadata: { generation: 0 } };
    const said = () => route.status?.parents[0]?.conditions.find(({ type }) => type === 'ResolvedRefs');
    await until(reason, async () => {
      route = JSON.parse(await sh('kubectl get httproute hello -n shop -o json')) as RouteStatus;
      return said()?.reason === reason && said()?.observedGeneration === route.metadata.generation;
    });
    expect(route.status?.parents.length).toBe(1);
    return route.status!.parents[0]!;
  }

  /** Labels of what this pod of `monitoring` scrapes well. */
  async function listUp(pod: string): Promise<readonly Record<string, string>[]> {
    const query = encodeURIComponent('up==1');
    const api = `/api/v1/namespaces/monitoring/pods/${pod}:9090/proxy/api/v1/query?query=${query}`;
    const { data } = JSON.parse(await sh(`kubectl get --raw '${api}'`));
    return (data.result as { metric: Record<string, string> }[]).map(({ metric }) => metric);
  }

  const hook = 'mutatingwebhookconfiguration weft-inject-weft-system';
  /** What becomes of a pod that is created now. */
  const dry = () =>
    sh(
      'kubectl create --dry-run=server -o json -f -',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { generateName: 'dry-', namespace: 'hooked' },
        spec: { containers: [{ name: 'dry', image: 'debian' }] },
      }),
    );
  /** It takes its time, of the control plane and of the kubelet, in which other tests run. */
  let handOver: Promise<{ readonly asked: number; readonly missed: number }> | null = null;

  async function watchHandOver() {
    await sh(`kubectl annotate ${hook} weft.dev/certificate=kept`);
    const renewed = async () => {
      const pods = await sh('kubectl get pod -n weft-system -l app=weft-inject -o name');
      const paths = pods.trim().replaceAll('pod/', '').split('\n');
      const texts = await Promise.all(paths.map((pod) => sh(`${weft} config weft-system/${pod} metrics`)));
      return texts.every((text) => /^weft_inject_certificates_renewed_total [1-9]/m.test(text));
    };
    let [asked, missed] = [0, 0];
    await until(
      'both replicas show what the control plane signed',
      async () => {
        asked++;
        if (!(await dry()).includes('weft-proxy')) missed++;
        // The machine is others' too, and a question to a pod costs as much as several to the API server.
        await Bun.sleep(250);
        return asked % 4 === 0 && (await renewed());
      },
      150_000,
    );
    return { asked, missed };
  }

  beforeAll(async () => {
    const up = rig.up();
    await sh(`${process.execPath} build --compile --outfile ${weft} ${root}/src/cli/main.ts >/dev/null`);
    await up;
    // Hooks of an ordinary sidecar find `weft` in it, as in the image.
    await rig.loadImage('weft', [weft], { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` });
  }, 180_000);

  afterAll(async () => {
    await rig.down();
  }, 60_000);

  test('weft install: the control plane reads the cluster with its own role', async () => {
    expect(await sh(`${weft} check --pre --agents`)).toMatch(/^ok +rights +everything is allowed$/m);
    // It is looked for by each who begins to lead.
    await defineCalico(rig);
    await playDocument('Install', 'weft check --pre');
    await sh(`${weft} install --agents | kubectl apply -f - >/dev/null`);
    await sh('kubectl rollout status -n weft-system deployment/weft-control --timeout=60s');
    await sh('kubectl rollout status -n weft-system daemonset/weft-agent --timeout=60s');
    expect(await sh(`${weft} check --pre --cni`)).toContain('and the installation makes it privileged');
  });

  test('a policy whose `on` has no quotes is taken as it was meant, and not beside one that has', async () => {
    const policy = (name: string, retry: string) =>
      `{ apiVersion: weft.dev/v1alpha1, kind: ServicePolicy, metadata: { name: ${name} }, spec: { targetRefs: [{ group: "", kind: Service, name: kubernetes }], retry: { ${retry} } } }`;
    await sh('kubectl apply -f - >/dev/null', policy('plain', 'on: [Reset]'));
    const stored = await sh('kubectl get servicepolicy plain -o jsonpath={.spec.retry}');
    expect(JSON.parse(stored)).toMatchObject({ true: ['Reset'] });
    expect(JSON.parse(stored)).not.toHaveProperty('on');
    const both = await shell('kubectl apply -f - 2>&1', policy('both', 'on: [Reset], "on": [Reset]'));
    expect([both.code === 0, both.out]).toEqual([false, expect.stringContaining('must not stand beside on')]);
    await sh('kubectl delete servicepolicy plain');
  });

  test('weft inject: calls pass the sidecars of both sides', async () => {
    await Bun.write(join(folder, 'shop.yaml'), shop);
    await playDocument('A sidecar beside a pod', 'weft inject');
    await sh('kubectl rollout status -n shop deployment/hello --timeout=60s');
    await sh('kubectl wait -n shop --for=condition=Ready pod/caller --timeout=60s');
    await until('the first call', async () => (await sh(calls(1))).includes('1 200'));
    const stats = `curl -s "http://127.0.0.1:${meshPorts.admin}/stats/prometheus?usedonly" | grep "^weft_request_duration_seconds_count"`;
    expect(await sh(caller(stats))).toContain('direction="outbound",service="shop/hello"');
    const pods = (await sh('kubectl get pods -n shop -l app=hello -o name')).trim().split('\n');
    const inbound = await Promise.all(
      pods.map((pod) => shell(`kubectl exec -n shop ${pod} -c hello -- sh -c '${stats}'`)),
    );
    expect(inbound.some(({ out }) => out.includes('direction="inbound"'))).toBe(true);
  });

  test('a Job ends with its sidecar, which has its init container’s calls too', async () => {
    await sh(`${weft} inject - | kubectl apply -f - >/dev/null`, job);
    await sh('kubectl wait -n shop --for=condition=Complete job/once --timeout=60s');
    const counted = await sh('kubectl logs -n shop job/once -c once');
    expect(counted).toMatch(/direction="outbound",service="shop\/hello".* 2$/m);
    await sh('kubectl delete job -n shop once');
  });

  test('as an ordinary container (before 1.29) the sidecar is up before its pod’s program, and down after it', async () => {
    await sh(`${weft} inject --kubernetes-version 1.28 - | kubectl apply -f - >/dev/null`, ordinary);
    await sh('kubectl wait -n shop --for=condition=Ready pod/ordinary --timeout=60s');
    // Its hosts file has the shorter name, for its own address.
    const ask = 'curl -s -m 5 -o /dev/null -w "%{http_code}" http://ordinary.shop/';
    await until('it is called', async () => (await sh(caller(ask))) === '200');
    // By its own name too, by way of its own proxy.
    const itself = `kubectl exec -n shop ordinary -c app -- ${ask}`;
    await until('it calls itself', async () => (await sh(itself)) === '200');

    await sh('kubectl delete pod -n shop ordinary --wait=false');
    const ended = async (container: string) => {
      const { status } = JSON.parse(await sh('kubectl get pod -n shop ordinary -o json'));
      const all = status.containerStatuses as { name: string; state: { terminated?: Ended } }[];
      return all.find(({ name }) => name === container)?.state.terminated;
    };
    await until('both ended', async () => (await ended('weft-proxy')) !== undefined);
    const [app, proxy] = [await ended('app'), await ended('weft-proxy')];
    expect([app?.exitCode, proxy?.exitCode]).toEqual([0, 0]);
    // In whole seconds.
    expect(Date.parse(proxy!.startedAt)).toBeLessThanOrEqual(Date.parse(app!.startedAt));
    expect(Date.parse(proxy!.finishedAt)).toBeGreaterThanOrEqual(Date.parse(app!.finishedAt));
    expect(app?.message).toMatch(/^first 200\nlast 200\n/);
    expect(app?.message).toMatch(/direction="outbound",service="shop\/hello".* 2$/m);
    expect(app?.message).toMatch(/direction="outbound",service="shop\/ordinary".*code="2xx".* [1-9]\d*$/m);
    const finalizers = JSON.stringify({ metadata: { finalizers: null } });
    await sh(`kubectl patch pod -n shop ordinary --type=merge -p '${finalizers}'`);
  });

  test('with the CNI plugin a pod is taken where Pod Security is restricted, without it it is not', async () => {
    await sh(
      'kubectl apply -f - >/dev/null; until kubectl get sa -n strict default >/dev/null 2>&1; do :; done',
      strict,
    );
    const apply = (how: string) =>
      shell(`${weft} inject ${how} - | kubectl apply --dry-run=server -f - 2>&1`, strictPod);
    expect(await apply('--cni')).toMatchObject({ code: 0 });
    const refused = await apply('');
    expect([refused.code === 0, refused.out]).toEqual([
      false,
      expect.stringMatching(/violates PodSecurity "restricted:latest".*weft-redirect/),
    ]);
    await sh('kubectl delete namespace strict --wait=false');
  });

  test('a node’s agent adds the plugin to its networks, and takes it out where its DaemonSet is gone', async () => {
    const [node, list] = [join(folder, 'node'), join(folder, 'node/net.d/10-net.conflist')];
    const before = `${JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'ptp' }] }, null, 2)}\n`;
    await sh(`mkdir -p ${node}/bin ${node}/net.d`);
    await Bun.write(list, before);
    const flags = `--bin-dir ${node}/bin --config-dir ${node}/net.d --socket ${node}/agent.sock`;
    const told = JSON.stringify({ cniVersion: '1.1.0', socket: `${node}/agent.sock` });
    // The runtime asks whether the plugin could do its work.
    await sh(
      `export POD_NAMESPACE=weft-system NODE_NAME=node-1; ${weft} cni ${flags} & agent=$!
      until curl -sf 127.0.0.1:${meshPorts.cni}/ready >/dev/null; do sleep 0.05; done
      grep -q weft-cni ${list}; echo '${told}' | CNI_COMMAND=STATUS ${node}/bin/weft-cni
      curl -sf 127.0.0.1:${meshPorts.cni}/metrics | grep 'questions_total{command="STATUS",code="0"} 1' >/dev/null
      kill -TERM $agent; wait $agent`,
    );
    expect(await Bun.file(list).text()).toBe(before);
    expect(await sh(`ls ${node}/bin`)).toBe('');
  });

  test('weft proxies, config and logs ask through the API server, and need no other tool', async () => {
    const proxies = await sh(`${weft} proxies`);
    expect(proxies.match(/^shop\/hello-\S+ +sidecar +- +\S+ +synced +\d+\w +weft-control-/gm)?.length).toBe(
      3,
    );
    expect(await playDocument('Who runs what', 'weft proxies')).toContain('shop/caller: sidecar, weft/');
    expect(proxies.match(/^weft-system\/weft-agent-\S+ +agent .* synced /gm)?.length).toBe(2);
    const config = await sh(`${weft} config shop/caller`);
    expect(config).toContain('shop/caller: sidecar, weft/');
    expect(config).toMatch(/^shop\/hello:80 +3 +3$/m);
    expect(await sh(`${weft} config sidecar~caller.shop stats/prometheus`)).toContain(
      'weft_request_duration',
    );
    expect(await sh(`${weft} logs shop/caller --tail 20`)).toContain('"serving"');
    expect((await shell(`${weft} logs shop/nobody`)).code).toBe(1);
    // Whoever may not forward is told so, and takes nothing for well.
    await sh(
      'kubectl create serviceaccount -n shop reader; kubectl create clusterrolebinding reader --clusterrole=view --serviceaccount=shop:reader',
    );
    const weak = `sed "s/client-certificate-data.*//;s/client-key-data.*/token: $(kubectl create token -n shop reader)/" $KUBECONFIG`;
    const seen = await shell(`${weft} proxies --kubeconfig <(${weak})`);
    expect([seen.code, seen.out]).toEqual([
      1,
      expect.stringMatching(/unknown[\s\S]*cannot (get|create) resource "pods\/portforward"/),
    ]);
  });

  test('the webhook does the same to a pod that is created, and refuses none', async () => {
    const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    await playDocument('By the webhook', 'openssl');
    await sh('kubectl rollout status -n shop deployment/hello --timeout=90s');
    await sh(
      `${weft} install --agents --webhook-cert ${cert} --webhook-key ${key} | kubectl apply -f - >/dev/null`,
    );
    await sh('kubectl rollout status -n weft-system deployment/weft-inject --timeout=60s');
    await sh('kubectl create namespace hooked; kubectl label namespace hooked weft.dev/inject=enabled');
    const plain = 'kubectl run -n hooked --image=debian --restart=Never';
    const names = 'kubectl get pod -n hooked -o jsonpath={.spec.initContainers[*].name}';
    // It fails open, and the API server learns of a webhook and its address in its own time.
    let tries = 0;
    await until('the API server asks the webhook', async () => {
      const name = `try-${tries++}`;
      await sh(`${plain} ${name} -- sleep 60`);
      return (await sh(`${names} ${name}`)) !== '';
    });
    await sh(`${plain} one -- sleep 60; ${plain} two --annotations=weft.dev/skip-ports=x -- sleep 60`);
    expect(await sh(`${names} one`)).toBe('weft-redirect weft-bootstrap weft-proxy');
    expect(await sh(`${names} two`)).toBe('');
    const why = "-o jsonpath='{.metadata.annotations.weft\\.dev/not-injected}'";
    expect(await sh(`kubectl get pod -n hooked two ${why}`)).toStartWith(
      'annotation weft.dev/skip-ports must be',
    );
    const hook = await sh(
      'kubectl get pod -n weft-system -l app=weft-inject -o jsonpath={.items[*].metadata.name}',
    );
    const counted = await Promise.all(
      hook.split(' ').map((pod) => sh(`${weft} config weft-system/${pod} metrics`)),
    );
    expect(counted.join('\n')).toMatch(/^weft_inject_pods_total\{outcome="fault",reason="annotation"\} \d/m);
    await sh('kubectl wait -n hooked --for=condition=Ready pod/one --timeout=60s');
    await sh('kubectl apply -f - >/dev/null', sized);
    const proxy = '{.spec.initContainers[?(@.name=="weft-proxy")]';
    const run = 'kubectl run -n hooked --image=debian --labels=run=sized --dry-run=server sized';
    let got = '';
    await until('the webhook knows the policy', async () => {
      got = await sh(`${run} -o jsonpath='${proxy}.args}${proxy}.resources}'`);
      return got.includes('"--log-level","debug"');
    });
    expect(got).toContain('{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"60m","memory":"96Mi"}}');
    const ofPort = await shell(
      'kubectl apply -f - 2>&1',
      sized.replace('sized }]', 'sized, sectionName: a }]'),
    );
    expect([ofPort.code === 0, ofPort.out]).toEqual([
      false,
      expect.stringContaining('a pod has one sidecar for all ports'),
    ]);
    const more = await shell('kubectl apply -f - 2>&1', sized.replace('60m', '2001m'));
    expect([more.code === 0, more.out]).toEqual([
      false,
      expect.stringContaining('requests.cpu must not be more than the limit'),
    ]);

    const check = await shell(`${weft} check --installed`);
    const lines = check.out.split('\n');
    expect([check.code, lines.filter((line) => /FAULT|UNKNOWN/.test(line)).length]).toEqual([
      1,
      tries > 1 ? 2 : 1,
    ]);
    expect(check.out).toMatch(/^ok +webhook +a pod that is created in hooked gets a sidecar$/m);
    expect(check.out).toMatch(
      /^FAULT +injection +annotation weft.dev\/skip-ports must be ports .*: hooked\/two$/m,
    );
    expect(check.out).toMatch(/^ok +definitions +accesspolicies.weft.dev is as this version has it$/m);
    await sh('kubectl delete pod -n hooked --all --grace-period=1 --wait');
    expect(await sh(`${weft} check --installed`)).toContain('0 faults, 0 unknown');
    handOver = watchHandOver();
    // Whoever waits for it hears of its failure.
    handOver.catch(() => {});
    await startGuest();
  });

  test('a rolling restart under load loses no call', async () => {
    const surge = (most: number | string) =>
      sh(
        `kubectl patch -n shop deployment/hello -p '${JSON.stringify({ spec: { strategy: { rollingUpdate: { maxSurge: most } } } })}'`,
      );
    await sh('kubectl wait -n shop --for=condition=Ready pod/guest --timeout=60s');
    await until('Envoy calls', async () => (await sh(calls(1, 'guest'))).includes('1 200'));
    // One after the other; elsewhere all at once is soon enough.
    await surge(1);
    const [byWeft, byEnvoy] = await Promise.all([
      sh(calls(callsCount)),
      sh(calls(callsCount, 'guest')),
      sh(
        'kubectl rollout restart -n shop deployment/hello; kubectl rollout status -n shop deployment/hello --timeout=90s',
      ),
    ]);
    expect([byWeft.trim(), byEnvoy.trim()]).toEqual([`${callsCount} 200`, `${callsCount} 200`]);
    await surge('100%');
  });

  test('a route that is broken and mended, and fewer pods, lose no call of Weft’s and Envoy’s either', async () => {
    const parent = (resolved: object) => ({
      parentRef: { group: '', kind: 'Service', name: 'hello', port: 80 },
      controllerName: 'weft.dev/gateway-controller',
      conditions: [
        { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', ...seen },
        { type: 'ResolvedRefs', ...resolved, ...seen },
      ],
    });
    const seen = { observedGeneration: 1, lastTransitionTime: expect.stringMatching(/^\d{4}-.*T.*Z$/) };
    const count = callsCount / 3;
    const load = Promise.all(['caller', 'guest'].map((pod) => sh(calls(count, pod))));
    // Whoever waits for it hears of its failure.
    load.catch(() => {});
    await sh('kubectl apply -f - >/dev/null', branch('gone'));
    const broken = await readParent('BackendNotFound');
    const message = 'there is no Service shop/gone';
    expect(broken).toEqual(parent({ status: 'False', reason: 'BackendNotFound', message }) as never);
    await sh('kubectl scale -n shop deployment/hello --replicas=1');
    seen.observedGeneration = 2;
    await sh('kubectl apply -f - >/dev/null', branch('hello'));
    const mended = await readParent('ResolvedRefs');
    expect(mended).toEqual(parent({ status: 'True', reason: 'ResolvedRefs', message: '' }) as never);
    // What did not turn has the time at which it last did.
    expect(mended.conditions[0]?.lastTransitionTime).toBe(broken.conditions[0]!.lastTransitionTime);
    await sh(
      'kubectl scale -n shop deployment/hello --replicas=3; kubectl rollout status -n shop deployment/hello --timeout=60s',
    );
    expect((await load).map((counted) => counted.trim())).toEqual([`${count} 200`, `${count} 200`]);
    const refused = `kubectl exec -n shop guest -c caller -- curl -s "http://127.0.0.1:15000/stats?filter=update_rejected"`;
    expect((await sh(refused)).split('\n').filter((line) => line !== '' && !line.endsWith(': 0'))).toEqual(
      [],
    );
    await sh(
      'kubectl delete httproute hello -n shop; kubectl delete pod guest -n shop --grace-period=1 --wait=false',
    );
  });

  test('scaled to none and back: refused, then well', async () => {
    // They are wanted later, and start meanwhile.
    await sh(`${weft} inject - | kubectl apply -f - >/dev/null`, named);
    await sh(
      'kubectl scale -n shop deployment/hello --replicas=0; kubectl wait -n shop --for=delete pod -l app=hello --timeout=60s',
    );
    await until('nobody is left', async () => (await sh(calls(1))).includes('503'));
    await sh(
      'kubectl scale -n shop deployment/hello --replicas=2; kubectl rollout status -n shop deployment/hello --timeout=60s',
    );
    await until('somebody is back', async () => (await sh(calls(5))).includes('5 200'));
  });

  test('the node’s agent finds the Service by Host', async () => {
    const node = 'kubectl get pod -n shop caller -o jsonpath={.status.hostIP}';
    const command = `curl -s -m 5 -o /dev/null -w "%{http_code}" -H "Host: hello.shop" http://$0:${meshPorts.agent}/`;
    expect(await sh(`${caller(command)} $(${node})`)).toBe('200');
  });

  test('a rolling restart of the agents loses no call', async () => {
    const node = 'kubectl get pod -n shop caller -o jsonpath={.status.hostIP}';
    // What is not well says why.
    const loop = `for i in $(seq 120); do curl -s -m 5 -w " %{http_code}\\n" -H "Host: hello.shop" http://$0:${meshPorts.agent}/ready; sleep 0.05; done | sed -E "s/.* 200$/200/" | sort | uniq -c`;
    const set = '-n weft-system daemonset/weft-agent';
    const [counted] = await Promise.all([
      sh(`${caller(loop)} $(${node})`),
      sh(`kubectl rollout restart ${set}; kubectl rollout status ${set} --timeout=90s`),
    ]);
    expect(counted.trim()).toBe('120 200');
  });

  test('an AccessPolicy lets the named callers pass: at the network, and in the proxies where that is open', async () => {
    await sh('kubectl wait -n shop --for=condition=Ready pod/named pod/stranger --timeout=60s');
    const ask = (pod: string, path: string, more = '') =>
      sh(caller(`curl -s -m 9 -o /dev/null -w "%{http_code}" ${more} http://hello${path}`, pod));
    await until('it may call', async () => (await ask('named', '/ready')) === '200');
    // It said whom it calls (weft.dev/calls), and is told of nobody else.
    const dump = `http://127.0.0.1:${meshPorts.admin}/config_dump?resource=dynamic_active_clusters`;
    const told = (pod: string) =>
      sh(caller(`curl -s "${dump}" | grep -o "[a-z-]*/[a-z-]*:[0-9]*" | sort -u`, pod));
    expect([(await told('named')).trim(), await told('caller')]).toEqual([
      'shop/hello:80',
      expect.stringContaining('shop/ordinary:80'),
    ]);
    await sh('kubectl apply -f - >/dev/null', fence);
    // Connections that are open outlive a NetworkPolicy: the proxies refuse over them.
    await until('others are refused', async () =>
      ['403', '503', '504'].includes(await ask('caller', '/ready')),
    );
    const address = await sh('kubectl get pod -n shop -l app=hello -o jsonpath={.items[0].status.podIP}');
    const past = `curl -s -m 2 -o /dev/null -w "%{http_code}" -H host:hello http://${address}:8080/ready || true`;
    await until('the network drops', async () => (await sh(caller(past, 'stranger'))) === '000');
    expect(await sh('kubectl get networkpolicy -n shop -o name')).toContain('weft-fence-hello');
    // Nobody enforces Calico's here, but the API server has taken them, with every word.
    const list = 'kubectl get networkpolicies.projectcalico.org -n shop -o json';
    const listSpecs = async () =>
      JSON.parse(await sh(list)).items.map(({ spec }: { readonly spec: object }) => spec);
    await until('Calico’s are there', async () => (await listSpecs()).length === 2);
    const selector = "app == 'hello'";
    const source = {
      namespaceSelector: "kubernetes.io/metadata.name == 'shop'",
      serviceAccounts: { names: ['named'] },
    };
    const rule = { protocol: 'TCP', destination: { ports: [8080] } };
    const ingress = (more: object) => ({ selector, types: ['Ingress'], ingress: [{ ...rule, ...more }] });
    expect(await listSpecs()).toEqual([
      { order: 900, ...ingress({ action: 'Allow', source }) },
      { order: 901, ...ingress({ action: 'Deny' }) },
    ]);
    const answers = async (pod: string) =>
      await Promise.all([ask(pod, '/ready'), ask(pod, '/other'), ask(pod, '/ready', '-X POST')]);
    expect(await answers('named')).toEqual(['200', '403', '403']);

    await sh('kubectl delete networkpolicy -n shop weft-fence-hello');
    await until('others reach the proxies', async () => (await sh(caller(past, 'stranger'))) === '403');
    // No more does who says nothing that is HTTP, or says it too late to be read.
    const raw = (...words: readonly string[]) =>
      `(${words.join('; ')}; sleep 1) | timeout 4 curl -s telnet://${address}:8080 | wc -c`;
    const late = ['sleep 1.5', 'echo POST /ready HTTP/1.0', 'echo'];
    const passed = [raw('echo x'), raw(...late)].map((command) => sh(caller(command, 'named')));
    expect((await Promise.all(passed)).map((count) => count.trim())).toEqual(['0', '0']);
    expect(await ask('caller', '/ready')).toBe('403');
    const node = 'kubectl get pod -n shop caller -o jsonpath={.status.hostIP}';
    const agent = `curl -s -m 5 -o /dev/null -w "%{http_code}" -H "Host: hello.shop" http://$0:${meshPorts.agent}/ready`;
    expect(await sh(`${caller(agent)} $(${node})`)).toBe('403');
    const accepted = '-o jsonpath=\'{.status.ancestors[*].conditions[?(@.type=="Accepted")].status}\'';
    expect(await sh(`kubectl get accesspolicy -n shop hello ${accepted}`)).toBe('True');

    await sh('kubectl delete accesspolicy -n shop hello');
    await until('everybody may call', async () => (await ask('caller', '/ready')) === '200');
    await until('Calico’s are gone', async () => (await listSpecs()).length === 0);
  });

  test('what somebody else has under a name of ours stays as it is: Gateway and AccessPolicy say so', async () => {
    const version = async (object: string) =>
      await sh(`kubectl get -n shop ${object} -o jsonpath='{.metadata.uid} {.metadata.resourceVersion}'`);
    await sh('kubectl apply -f - >/dev/null', taken);
    const objects = ['service/edge-weft', 'networkpolicy/weft-fence-hello'];
    const before = await Promise.all(objects.map(version));
    await sh('kubectl apply -f - >/dev/null', `${taking}---${fence}`);
    const said = async (object: string, path: string, type: string) =>
      await sh(
        `kubectl get -n shop ${object} -o jsonpath='{.status${path}.conditions[?(@.type=="${type}")].message}'`,
      );
    const gateway = () => said('gateway/edge', '', 'Programmed');
    const policy = () => said('accesspolicy/hello', '.ancestors[0]', 'NetworkEnforced');
    await until('the Gateway says so', async () => (await gateway()).includes('Service edge-weft'));
    await until('the policy says so', async () =>
      (await policy()).includes('NetworkPolicy weft-fence-hello'),
    );
    expect(await Promise.all(objects.map(version))).toEqual(before);
    // What nobody else has is there, and the pods are behind no Service of others.
    const label = `-o jsonpath='{.spec.template.metadata.labels.app} {.metadata.labels.app}'`;
    expect(await sh(`kubectl get -n shop deployment/edge-weft ${label}`)).toBe(' hello');
    await sh(`kubectl delete -n shop ${objects.join(' ')} gateway/edge accesspolicy/hello >/dev/null`);
    await sh('kubectl delete gatewayclass weft >/dev/null');
  });

  test('the control plane’s pages are closed to other namespaces, also by way of an agent', async () => {
    const ask = (address: string, more = '') =>
      sh(caller(`curl -s -m 2 -o /dev/null -w "%{http_code}" ${more} ${address} || true`));
    const control = 'http://weft-control.weft-system';
    expect(await ask(`${control}:${meshPorts.controlAdmin}/ready`)).toBe('000');
    const connect = `curl -s -m 2 -o /dev/null -w "%{time_connect}" ${control}:${meshPorts.xds} || true`;
    expect(Number(await sh(caller(connect)))).toBeGreaterThan(0);
    const node = await sh('kubectl get pod -n shop caller -o jsonpath={.status.hostIP}');
    const host = `-H "Host: weft-control.weft-system:${meshPorts.controlAdmin}"`;
    expect(await ask(`http://${node}:${meshPorts.agent}/ready`, host)).not.toBe('200');
  });

  test('Prometheus scrapes control plane, sidecars and agents by the configuration as it stands', async () => {
    const config = join(root, 'examples/kubernetes/prometheus.yaml');
    const settings = `${folder}/prometheus.yaml`;
    // As it stands, but sooner.
    await sh(`sed s/15s/1s/ ${config} > ${settings}; promtool check config ${config}`);
    await sh(
      `${rigFolder}/load-image prometheus -- prometheus --config.file=${settings} --storage.tsdb.path=/tmp/prometheus`,
    );
    await sh('kubectl apply -f - >/dev/null', monitoring);
    await playDocument('Metrics', 'kubectl label namespace monitoring');
    await sh('kubectl wait -n monitoring --for=condition=Ready pod/prometheus --timeout=60s');
    await until('all are scraped', async () => {
      const up = await listUp('prometheus');
      const of = (job: string, namespace: string) =>
        up.filter((one) => one['job'] === job && one['namespace'] === namespace).length;
      return of('weft', 'weft-system') >= 4 && of('weft', 'shop') >= 3;
    });
  });

  // Last in `monitoring`.
  describeWith(['prometheus-operator'], 'by the Prometheus operator', () => {
    test('the monitors become a configuration by which Prometheus scrapes all of it', async () => {
      await defineMonitors(rig);
      await sh(`${weft} install --agents --monitors | kubectl apply -f - >/dev/null`);
      const monitors = ['weft-control', 'weft-proxies'].map((name) => `weft-system/${name}`);
      const settings = join(folder, 'operated.yaml');
      await Bun.write(settings, await configureByOperator(rig, 'monitoring', monitors));
      await rig.loadImage('operated', [
        'prometheus',
        `--config.file=${settings}`,
        '--storage.tsdb.path=/tmp/operated',
      ]);
      await sh('kubectl apply -f - >/dev/null', operated);
      await sh('kubectl wait -n monitoring --for=condition=Ready pod/operated --timeout=60s');
      await until('all are scraped', async () => {
        const up = await listUp('operated');
        const of = (job: string, namespace: string) =>
          up.filter((one) => one['job'] === job && one['namespace'] === namespace).length;
        const [control = '', proxies = ''] = monitors;
        return (
          of(control, 'weft-system') === 2 && of(proxies, 'weft-system') === 2 && of(proxies, 'shop') >= 3
        );
      });
      await sh('kubectl delete namespace monitoring --wait=false');
    });
  });

  test('the control plane takes the webhook’s certificate over from another signer, and no pod slips through', async () => {
    const { asked, missed } = await handOver!;
    expect([asked > 3, missed]).toEqual([true, 0]);
    const bundle = `kubectl get ${hook} -o jsonpath={.webhooks[0].clientConfig.caBundle} | base64 -d`;
    const roots = await sh("kubectl get configmap -n hooked weft-ca -o jsonpath='{.data.ca\\.crt}'");
    expect(roots).toStartWith('-----BEGIN');
    expect(await sh(bundle)).toStartWith(roots.trim());
    expect(await dry()).toContain('weft-proxy');
    expect(await sh(`${weft} check --installed`)).toContain('0 faults, 0 unknown');
  });

  test('a second control plane beside it: a namespace moves by its label, and back', async () => {
    // It was injected by its manifest; from here on the webhooks do.
    await sh('kubectl apply -f - >/dev/null', shop.split('---\n')[1]);
    await playDocument('Another version beside it', 'weft check --pre');
    // Pods of before are leaving.
    await until(
      'all have what they are sent',
      async () => (await playDocument('Another version beside it', 'weft proxies')) !== '',
    );
    const column = async () =>
      new Set(
        [...(await sh(`${weft} proxies -n shop || true`)).matchAll(/^shop\/hello-\S+ +sidecar +(\S+)/gm)].map(
          ([, revision]) => revision,
        ),
      );
    await until('the pods of before are gone', async () => Bun.deepEquals(await column(), new Set(['next'])));
    await until('calls pass', async () => (await sh(calls(5))).includes('5 200'));
    // One writes, and Gateways are each their own.
    const leases = await sh('kubectl get lease -n weft-system -o name');
    for (const name of ['weft-control', 'weft-revision', 'weft-revision-next'])
      expect(leases.split('\n')).toContain(`lease.coordination.k8s.io/${name}`);
    const held = await shell(`${weft} uninstall --revision next --yes`);
    expect([held.code, held.out]).toEqual([1, expect.stringMatching(/^\d pods have a proxy of it/)]);
    const crds = await shell(`${weft} uninstall --revision next --crds --yes`);
    expect([crds.code, crds.err]).toEqual([64, expect.stringContaining('the one without a revision')]);

    await sh('kubectl label namespace shop weft.dev/rev- weft.dev/inject=enabled');
    const loaded = sh(calls(100));
    await sh(
      'kubectl rollout restart -n shop deployment/hello; kubectl rollout status -n shop deployment/hello --timeout=90s',
    );
    expect((await loaded).trim()).toBe('100 200');
    await until('those of the revision are gone', async () => Bun.deepEquals(await column(), new Set(['-'])));
    const gone = await sh(`${weft} uninstall --revision next --yes`);
    expect(gone).toContain('what is shared stays: the one without a revision is there');
    expect(
      await sh('kubectl get all,role,sa,secret,lease -n weft-system -o name | grep -e next || true'),
    ).toBe('');
    expect(await sh('kubectl get crd,clusterrole,mutatingwebhookconfiguration -o name | grep -c weft')).toBe(
      '5\n',
    );
    expect(await sh(`${weft} check --installed`)).toContain('0 faults, 0 unknown');
  });

  test('weft uninstall says what it takes away, and leaves nothing', async () => {
    const lookFor = (selector: string) =>
      `kubectl get $(kubectl api-resources --verbs=list,delete -o name | grep -v events | paste -sd,) -A -o name ${selector} 2>/dev/null`;
    const listed = await sh(lookFor('-l app.kubernetes.io/part-of=weft'));
    expect(listed.split('\n').length).toBeGreaterThan(15);
    // Pods with sidecars are told first, and hold it up.
    const asked = await shell(`${weft} uninstall --yes`);
    expect([asked.code, asked.out.split('\n')[0]]).toEqual([
      1,
      expect.stringMatching(/^\d pods have a proxy of it/),
    ]);
    // Its manifests have no sidecars any more; these pods belong to nobody.
    await sh('kubectl label namespace shop weft.dev/inject-; kubectl delete namespace hooked --wait=false');
    await sh('kubectl delete pod -n shop caller named stranger --grace-period=1 --wait=false');
    expect(await sh(`${weft} uninstall --crds`)).toContain('Nothing was deleted');
    expect(await sh(lookFor('-l app.kubernetes.io/part-of=weft'))).toBe(listed);
    expect(await playDocument('Take it away', 'kubectl rollout restart')).toContain('All of it is gone.');
    const alone = 'curl -s -m 5 -o /dev/null -w "%{http_code}" http://hello.shop/ready';
    expect(await sh(`${rigFolder}/netexec ${alone}`)).toBe('200');

    await sh(`${weft} uninstall --yes --crds`);
    expect(await sh(`${lookFor('')} | grep -i weft || true`)).toBe('');
    expect(await sh(`${weft} uninstall --yes --crds`)).toContain('There is nothing to take away.');
  });

  test('with the CNI plugin on the nodes a namespace at the restricted level is well, and it goes without a trace', async () => {
    const [etc, opt] = [join(folder, 'etc-cni'), join(folder, 'opt-cni')];
    const list = join(etc, 'net.d/10-net.conflist');
    const before = `${JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'ptp' }] }, null, 2)}\n`;
    await sh(`mkdir -p ${etc}/net.d ${opt}`);
    await Bun.write(list, before);
    await rig.layOver('/etc/cni', etc);
    await rig.layOver('/opt/cni', opt);
    await playDocument('Without rights', 'weft check --pre --cni');
    expect((await Bun.file(list).json()).plugins).toEqual([{ type: 'ptp' }, { type: 'weft-cni' }]);
    const agents = 'kubectl get pod -n weft-system -l app=weft-cni -o jsonpath={.items[*].metadata.name}';
    for (const agent of (await sh(agents)).split(' '))
      expect(await sh(`${weft} config weft-system/${agent} metrics`)).toMatch(/^weft_cni_installed 1$/m);

    await sh('kubectl apply -f - >/dev/null; kubectl label namespace strict weft.dev/inject=enabled', strict);
    const check = () => shell(`${weft} check --installed`);
    await until('all is well', async () => (await check()).out.includes('0 faults, 0 unknown'));
    expect((await check()).out).toMatch(/^ok +webhook +a pod that is created in strict gets a sidecar$/m);
    await sh('kubectl delete namespace strict --wait=false');

    await sh(`${weft} uninstall --yes --crds`);
    expect(await Bun.file(list).text()).toBe(before);
    expect(await sh(`ls ${opt}/bin`)).toBe('');
    expect((await shell('kubectl get namespace weft-system 2>&1')).out).toContain('not found');
  });
});
