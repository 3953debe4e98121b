// The chart judged by Helm itself, and installed, upgraded, rolled back and taken away on a real cluster, which
// `WEFT_KUBENET` names the rig of.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { describeWith, run } from '../testing/programs.ts';
import { describeOnCluster, Rig } from '../testing/rig.ts';
import { until } from '../testing/until.ts';
import { createChart } from './chart.ts';
import { createInstallation } from './install.ts';
import { playBlock } from './testing/kubernetes-page.ts';

setDefaultTimeout(120_000);

const root = join(import.meta.dir, '../..');
const pem = '-----BEGIN X-----';

describeWith(['helm'], 'the chart in Helm’s hands', () => {
  let folder: string;
  let chart: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-chart-'));
    // Pods' programs run as another user.
    chmodSync(folder, 0o755);
    chart = join(folder, 'chart');
    for (const [path, text] of createChart('1.2.3')) {
      mkdirSync(dirname(join(chart, path)), { recursive: true });
      writeFileSync(join(chart, path), text);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('helm lint has nothing to say against it', async () => {
    const { code, out } = await run(['helm', 'lint', '--strict', chart]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('0 chart(s) failed') });
  });

  test('helm template gives what weft install prints', async () => {
    const webhook = { cert: pem, key: pem, ca: pem };
    const set = ['cert', 'key'].flatMap((name) => ['--set-string', `webhook.${name}=${pem}`]);
    const values = [
      '--set',
      'image=a/b:1,replicas=3,agents=true,monitors=true,cni.enabled=true,cni.binDir=/bin,cni.configDir=/net.d',
      ...set,
    ];
    const { code, out, err } = await run(['helm', 'template', 'weft', chart, '-n', 'mesh', ...values]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const options = {
      image: 'a/b:1',
      namespace: 'mesh',
      revision: '',
      replicas: 3,
      agents: true,
      cni: { bin: '/bin', config: '/net.d' },
      webhook,
      monitors: true,
    };
    const printed = createInstallation(options).filter(
      (object) =>
        !['Namespace', 'CustomResourceDefinition'].includes((object as { kind?: string }).kind ?? ''),
    );
    const rendered = parseAllDocuments(out)
      .map((document) => document.toJS())
      .filter((object) => object !== null && object.kind !== 'CustomResourceDefinition');
    const sorted = (objects: readonly object[]) => objects.map((object) => JSON.stringify(object)).toSorted();
    expect(sorted(rendered)).toEqual(sorted(printed));
  });

  for (const [name, value, path] of [
    ['no replica', 'replicas=0', '/replicas'],
    ['a name that is not there', 'replica=2', 'replica'],
    ['a certificate without its key', `webhook.cert=${pem}`, 'webhook'],
  ] as const)
    test(`${name} is refused with its place`, async () => {
      const { code, err } = await run(['helm', 'template', chart, '--set', value]);
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(path) });
    });

  describeOnCluster('on a cluster', () => {
    const rig = new Rig();
    const sh = (script: string) => rig.sh(script);
    const playDocument = (heading: string, begin: string) => playBlock(rig, heading, begin);
    // As the page has it.
    const chart = join(rig.folder, 'weft-chart');
    const replicas = 'kubectl get -n weft-system deployment/weft-control -o jsonpath={.status.readyReplicas}';
    const kinds = 'clusterrole,clusterrolebinding,crd,mutatingwebhookconfiguration';
    const listAll = async () =>
      (
        await sh(
          `kubectl get ${kinds} -o name; kubectl get all,cm,secret,pdb,role,rolebinding,sa,lease -n weft-system -o name`,
        )
      )
        .split('\n')
        .toSorted();
    const wait = '--wait --timeout 60s';
    let before: readonly string[];

    beforeAll(async () => {
      await rig.up();
      const weft = join(rig.folder, 'weft');
      await sh(`${process.execPath} build --compile --outfile ${weft} ${root}/src/cli/main.ts >/dev/null`);
      await rig.loadImage('weft', [weft]);
      before = await listAll();
    }, 180_000);

    afterAll(() => rig.down(), 60_000);

    test('it is installed, upgraded and rolled back', async () => {
      await playDocument('Install', 'weft install --chart');
      await sh('kubectl rollout status -n weft-system deployment/weft-control --timeout=60s');
      expect(await sh(replicas)).toBe('2');
      await sh(`helm upgrade weft ${chart} -n weft-system --set replicas=3 ${wait}`);
      expect(await sh(replicas)).toBe('3');
      await sh(`helm rollback weft 1 -n weft-system ${wait}`);
      expect(await sh(replicas)).toBe('2');
    });

    test('a revision is a release of its own beside it', async () => {
      const revised = '--set revision=next,webhook.enabled=true --take-ownership';
      await sh(`helm install next ${chart} -n weft-system ${revised} ${wait}`);
      expect(await sh(replicas.replace('weft-control', 'weft-control-next'))).toBe('2');
      await sh(`helm uninstall next -n weft-system ${wait}`);
      expect(await sh(replicas)).toBe('2');
      expect((await sh('kubectl get crd -o name | grep weft.dev')).split('\n').length).toBeGreaterThan(1);
      await sh('kubectl delete lease/weft-revision-next secret/weft-inject-next -n weft-system');
      const pods = "pod -l 'app in (weft-control-next,weft-inject-next)'";
      await sh(`kubectl wait -n weft-system --for=delete ${pods} --timeout=60s`);
    });

    test('taken away it leaves the definitions, and what the control plane made', async () => {
      await sh(`helm uninstall weft -n weft-system ${wait}`);
      // The collector takes pods after their Deployment.
      await sh('kubectl wait -n weft-system --for=delete deployment,pod -l app=weft-control --timeout=60s');
      const isOfReplica = (name: string) => name.includes('/weft-replica-');
      await until(
        'the collector took what each replica said',
        async () => !(await listAll()).some(isOfReplica),
      );
      // Every namespace has these.
      const usual = ['configmap/kube-root-ca.crt', 'serviceaccount/default'];
      const left = (await listAll()).filter((name) => ![...before, ...usual].includes(name));
      expect(left.length).toBeGreaterThan(0);
      const made = [
        'lease.coordination.k8s.io/weft-control',
        'lease.coordination.k8s.io/weft-revision',
        'configmap/weft-ca',
        'secret/weft-ca',
      ];
      expect(left.filter((name) => made.includes(name))).toEqual(made.toSorted());
      for (const name of left.filter((each) => !made.includes(each)))
        expect(name).toMatch(/^customresourcedefinition.*\.weft\.dev$/);
    });
  });
});
