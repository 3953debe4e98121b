// `npm run conformance`: the published conformance suite of Gateway API against the whole of Weft on a real API server:
// installed as users install it, Gateways run by its control plane, sidecars injected by its webhook, the suite's own
// programs as pods. Writes docs/conformance/gateway.yaml and mesh.yaml and, from what passed, the features that a
// GatewayClass says it has. `WEFT_KUBENET` names the rig; `-- --check` writes nothing, and fails where what passed is
// not what the GatewayClass says; `-- mesh` plays the one alone, and what follows, as `--run-test=NAME`, goes to the
// suite; then nothing is written.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { buildWeft } from './build-weft.ts';
import { type Suite, suites } from './conformance/features.ts';

const root = join(import.meta.dir, '..');
const rig = process.env['WEFT_KUBENET'] ?? '';
const gatewayApi = 'sigs.k8s.io/gateway-api@v1.6.3';
const suiteMs = 1_800_000;
const meshPrograms = ['client', 'server'].map((name) => `istio.io/istio/pkg/test/echo/cmd/${name}`);
const selfSigned = 'openssl req -x509 -newkey rsa:2048 -nodes -days 2 2>/dev/null';

const objects = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: weft }
spec: { controllerName: weft.dev/gateway-controller }
`;

if (!existsSync(join(rig, 'up'))) {
  console.error('WEFT_KUBENET must name the folder of the rig');
  process.exit(64);
}
const checks = process.argv[2] === '--check';
const [asked, ...others] = process.argv.slice(checks ? 3 : 2);
const chosen = suites.filter(({ name }) => name === asked);
const more = chosen.length === 0 && asked !== undefined ? [asked, ...others] : others;
const folder = mkdtempSync(join(tmpdir(), 'weft-conformance-'));
// Programs of pods run as other users.
chmodSync(folder, 0o755);
/** Laid over the root of the mesh's pods. */
const layer = join(folder, 'layer');
let code = 1;
try {
  await build();
  install();
  code = (chosen.length === 0 ? suites : chosen).map(runSuite).some((failed) => failed) ? 1 : 0;
  // A report leaves out tests of features beyond its profile's own: what they found is in the exit code alone.
  if (more.length === 0 && code === 0) code = keepReports() ? 0 : 1;
} finally {
  sh(`${rig}/down`, { fails: true });
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);

function sh(script: string, { fails = false, input = '' } = {}): string {
  const setup = [
    `export KUBENET_DIR=${folder}/cluster KUBECONFIG=${folder}/cluster/kubeconfig`,
    `PATH=${folder}/cluster/bin:$PATH CGO_ENABLED=0`,
  ].join(' ');
  const child = Bun.spawnSync(['bash', '-euo', 'pipefail', '-c', `${setup}\n${script}`], {
    stdin: Buffer.from(input),
    stdout: 'pipe',
    stderr: 'inherit',
  });
  if (child.exitCode !== 0 && !fails) throw new Error(`failed: ${script}`);
  return child.stdout.toString();
}

async function build(): Promise<void> {
  const source = join(root, 'tools/peers/conformance');
  // Not dist/weft: that may be in use by the tests beside this.
  if ((await buildWeft(join(folder, 'weft'))) !== 0) throw new Error('weft cannot be built');
  sh(`cd ${source} && go test -c -o ${folder}/suite . `);
  sh(`cd ${source} && go build -o ${folder}/echo sigs.k8s.io/gateway-api/conformance/echo-basic`);
  // The image of the mesh's pods is Istio's app (docker/Dockerfile.echo-advanced).
  const bin = `${layer}/usr/local/bin`;
  sh(`mkdir -p ${bin} && cd ${root}/tools/peers/mesh-echo && go build -o ${bin} ${meshPrograms.join(' ')}`);
  sh(`${selfSigned} -subj /CN=echo -keyout ${layer}/cert.key -out ${layer}/cert.crt`);
  sh(`chmod a+r ${layer}/cert.*`);
}

/** The standard definitions, the control plane with its own role, a class, and the images of the suite's pods. */
function install(): void {
  const { Dir } = JSON.parse(sh(`go mod download -json ${gatewayApi}`)) as { readonly Dir: string };
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  sh(`${rig}/up >/dev/null`);
  sh(`${rig}/load-image weft:${version} -- ${folder}/weft`);
  sh(`${rig}/load-image 'registry.k8s.io/gateway-api/echo-*' -- ${folder}/echo`);
  const advanced = 'registry.k8s.io/gateway-api/echo-advanced*';
  sh(`${rig}/load-image --layer ${layer} '${advanced}' -- ${layer}/usr/local/bin/server`);
  // A DNS server for UDPRoutes, which are not among what is judged.
  sh(`${rig}/load-image 'registry.k8s.io/coredns/*' -- /bin/sh -c 'sleep infinity'`);
  sh(`kubectl apply --server-side -f ${Dir}/config/crd/standard >/dev/null`);
  const certificate = [`${folder}/tls.crt`, `${folder}/tls.key`];
  sh(
    `${selfSigned} -subj /CN=weft -addext subjectAltName=DNS:weft-inject.weft-system.svc -out ${certificate[0]} -keyout ${certificate[1]}`,
  );
  const webhook = `--webhook-cert ${certificate[0]} --webhook-key ${certificate[1]}`;
  sh(`${folder}/weft install --replicas 1 ${webhook} | kubectl apply -f - >/dev/null`);
  sh('kubectl rollout status -n weft-system deployment/weft-control --timeout=120s >/dev/null');
  sh('kubectl rollout status -n weft-system deployment/weft-inject --timeout=120s >/dev/null');
  sh('kubectl apply -f - >/dev/null', { input: objects });
  awaitInjection();
}

/** That the webhook is ready is known to the API server's node a moment later; a pod made before gets no sidecar. */
function awaitInjection(): void {
  sh(
    'kubectl create namespace probe >/dev/null && kubectl label namespace probe weft.dev/inject=enabled >/dev/null',
  );
  const pod = 'kubectl run -n probe --image=echo --dry-run=server probe -o yaml';
  sh(`for attempt in $(seq 60); do ${pod} | grep -q weft-proxy && exit 0; sleep 1; done; exit 1`);
  sh('kubectl delete namespace probe --wait=false >/dev/null');
}

/** As it is kept; what this run found is in {@link folder}. */
function keptReportOf({ name }: Suite): string {
  return join(root, `docs/conformance/${name}.yaml`);
}

function reportOf({ name }: Suite): string {
  return join(folder, `${name}.yaml`);
}

/** True: something failed. */
function runSuite(suite: Suite): boolean {
  const { name, profiles, extended, flags } = suite;
  const features = [...new Set([...Object.values(profiles).flat(), ...extended])].join(',');
  const args = [
    `-test.v -test.timeout=${suiteMs / 1000}s ${flags.join(' ')}`,
    `-conformance-profiles=${Object.keys(profiles).join(',')} -supported-features=${features}`,
    '-organization=weft -project=weft -url=https://weft.dev -version=0.1.0 -contact=weft',
    ...(more.length === 0 ? [`-report-output=${reportOf(suite)}`] : more),
  ];
  const log = join(tmpdir(), `weft-conformance-${name}.log`);
  const command = `KUBECONFIG=$KUBENET_DIR/conf/admin.kubeconfig ${rig}/netexec ${folder}/suite ${args.join(' ')}`;
  const out = sh(`${command} > ${log} 2>&1 && echo passed || echo failed`, { fails: true });
  const text = readFileSync(log, 'utf8');
  for (const [line] of text.matchAll(/^ +--- FAIL.*$/gm)) console.log(line);
  console.log(`the suite's own words: ${log}`);
  return out.trim() !== 'passed';
}

interface ProfileReport {
  readonly name: string;
  readonly core: { readonly result: string };
  readonly extended?: { readonly result: string; readonly supportedFeatures?: readonly string[] };
}

/** Keeps what this run found, or compares with what is kept: false where it differs. */
function keepReports(): boolean {
  const reports = suites.flatMap(readReport);
  for (const { name, core, extended } of reports)
    console.log(`${name}: core ${core.result}, extended ${extended?.result ?? 'none'}`);
  const text = listFeatures(reports);
  const path = join(root, 'src/control/status-writer/supported-features.ts');
  if (checks) {
    if (readFileSync(path, 'utf8') === text) return true;
    console.log(`${path} does not say what passed: npm run conformance writes it anew`);
    return false;
  }
  for (const suite of suites)
    if (existsSync(reportOf(suite))) copyFileSync(reportOf(suite), keptReportOf(suite));
  writeFileSync(path, text);
  // Laid out as every file here is.
  sh(`cd ${root} && npx biome format --write docs/conformance >/dev/null`, { fails: true });
  return true;
}

/** Of this run, or else the one that is kept. */
function readReport(suite: Suite) {
  const path = existsSync(reportOf(suite)) ? reportOf(suite) : keptReportOf(suite);
  const { profiles } = parse(readFileSync(path, 'utf8')) as { readonly profiles: readonly ProfileReport[] };
  return profiles.map((report) => ({
    ...report,
    of: suite.name,
    coreFeatures: suite.profiles[report.name] ?? [],
  }));
}

/** Of a profile in which anything failed nothing is claimed: the report does not say which feature it was. */
function listFeatures(reports: ReturnType<typeof readReport>): string {
  const list = (some: typeof reports): string => {
    const passed = some.flatMap(({ core, coreFeatures, extended }) => [
      ...(core.result === 'success' ? coreFeatures : []),
      ...(extended?.result === 'success' ? (extended.supportedFeatures ?? []) : []),
    ]);
    return [...new Set(passed)]
      .sort()
      .map((name) => `  '${name}',`)
      .join('\n');
  };
  return `// Features of Gateway API that this controller says it has: what passed the published conformance suite. Written by
// tools/conformance.ts.

/** GatewayClassStatus.supportedFeatures. */
export const supportedFeatures: readonly string[] = [
${list(reports)}
];

/** MeshStatus.supportedFeatures. */
export const meshFeatures: readonly string[] = [
${list(reports.filter(({ of }) => of === 'mesh'))}
];
`;
}
