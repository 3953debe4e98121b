// `npm run conformance`: the published conformance suite of Gateway API against the whole of Weft on a real API server:
// installed as users install it, Gateways run by its control plane, the suite's own programs as pods. Writes
// docs/conformance/gateway.yaml and, from what passed, the features that a GatewayClass says it has. `WEFT_KUBENET`
// names the rig; `-- --run-test=NAME` goes to the suite, and then nothing is written.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { coreFeatures, extendedFeatures, profiles } from './conformance/features.ts';

const root = join(import.meta.dir, '..');
const rig = process.env['WEFT_KUBENET'] ?? '';
const report = join(root, 'docs/conformance/gateway.yaml');
const gatewayApi = 'sigs.k8s.io/gateway-api@v1.6.3';
const suiteMs = 1_800_000;

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
const more = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'weft-conformance-'));
// Programs of pods run as other users.
chmodSync(folder, 0o755);
let code = 1;
try {
  build();
  install();
  code = runSuite();
} finally {
  sh(`${rig}/down`, { fails: true });
  rmSync(folder, { recursive: true, force: true });
}
if (more.length === 0) writeFeatures();
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

function build(): void {
  const source = join(root, 'tools/peers/conformance');
  sh(`cd ${root} && npm run build >/dev/null && cp dist/weft ${folder}/weft`);
  sh(`cd ${source} && go test -c -o ${folder}/suite . `);
  sh(`cd ${source} && go build -o ${folder}/echo sigs.k8s.io/gateway-api/conformance/echo-basic`);
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
  // A DNS server for UDPRoutes, which are not among what is judged.
  sh(`${rig}/load-image 'registry.k8s.io/coredns/*' -- /bin/sh -c 'sleep infinity'`);
  sh(`kubectl apply --server-side -f ${Dir}/config/crd/standard >/dev/null`);
  sh(`${folder}/weft install --replicas 1 | kubectl apply -f - >/dev/null`);
  sh('kubectl rollout status -n weft-system deployment/weft-control --timeout=120s >/dev/null');
  sh('kubectl apply -f - >/dev/null', { input: objects });
}

function runSuite(): number {
  const core = profiles.flatMap((profile) => coreFeatures[profile]);
  const features = [...new Set([...core, ...extendedFeatures])].join(',');
  const args = [
    `-test.v -test.timeout=${suiteMs / 1000}s -gateway-class=weft`,
    `-conformance-profiles=${profiles.join(',')} -supported-features=${features}`,
    '-organization=weft -project=weft -url=https://weft.dev -version=0.1.0 -contact=weft',
    ...(more.length === 0 ? [`-report-output=${report}`] : more),
  ];
  const log = join(tmpdir(), 'weft-conformance.log');
  const command = `KUBECONFIG=$KUBENET_DIR/conf/admin.kubeconfig ${rig}/netexec ${folder}/suite ${args.join(' ')}`;
  const out = sh(`${command} > ${log} 2>&1 && echo passed || echo failed`, { fails: true });
  const text = readFileSync(log, 'utf8');
  for (const [line] of text.matchAll(/^ +--- FAIL.*$/gm)) console.log(line);
  console.log(`the suite's own words: ${log}`);
  return out.trim() === 'passed' ? 0 : 1;
}

interface ProfileReport {
  readonly name: (typeof profiles)[number];
  readonly core: { readonly result: string };
  readonly extended?: { readonly result: string; readonly supportedFeatures?: readonly string[] };
}

/** Of a profile in which anything failed nothing is claimed: the report does not say which feature it was. */
function writeFeatures(): void {
  const { profiles: reports } = parse(readFileSync(report, 'utf8')) as {
    readonly profiles: readonly ProfileReport[];
  };
  const passed = reports.flatMap(({ name, core, extended }) => [
    ...(core.result === 'success' ? coreFeatures[name] : []),
    ...(extended?.result === 'success' ? (extended.supportedFeatures ?? []) : []),
  ]);
  const lines = [...new Set(passed)].sort().map((name) => `  '${name}',`);
  const text = `// Features of Gateway API that this controller says it has (GatewayClassStatus.supportedFeatures): what passed the
// published conformance suite. Written by tools/conformance.ts.

export const supportedFeatures: readonly string[] = [
${lines.join('\n')}
];
`;
  writeFileSync(join(root, 'src/control/status-writer/supported-features.ts'), text);
  // Laid out as every file here is.
  sh(`cd ${root} && npx biome format --write docs/conformance/gateway.yaml >/dev/null`, { fails: true });
  for (const { name, core, extended } of reports)
    console.log(`${name}: core ${core.result}, extended ${extended?.result ?? 'none'}`);
}
