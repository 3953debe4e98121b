// docs/policy.md: the fields of ServicePolicy, from the schema that validates them.

import { listPolicyFields } from '../../src/control/index.ts';

const example = `apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: ledger, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: ledger }]   # 1 to 16, same namespace; sectionName: one port by its name
  timeouts: { request: 3s }
  retry: { idempotencyHeader: idempotency-key }
  sidecar: { resources: { requests: { cpu: 500m, memory: 256Mi }, limits: { memory: 1Gi } }, logLevel: warn }`;

export async function generatePolicyReference(): Promise<string> {
  const rows = listPolicyFields().map(
    ({ path, type, defaultValue, description }) =>
      `| \`${path}\` | ${escapeCell(type)} | ${defaultValue === '' ? '' : `\`${escapeCell(defaultValue)}\``} | ${escapeCell(description)} |`,
  );
  return [
    '# ServicePolicy',
    "Made from the schema by `npm run documents`. How a Service wants to be called; a Service without a policy gets every default. A request that was surely never sent is repeated without any policy too, at another endpoint, whatever its method, and an idempotent one that met the end of a reused connection once ([decision 0009](decisions/0009-what-is-sent-again.md)); `retry.attempts: 0` switches that off. Of two policies on one target the older is in force and the younger gets `Conflicted`; one that names a port wins over one that does not. A route's own `timeouts` and `retry` win over the policy's, except that which requests may be repeated stays with the policy. An `XBackendTrafficPolicy` decides the retry budget where there is one.",
    `\`\`\`yaml\n${example}\n\`\`\``,
    '`sidecar` is not about callers: it says what the sidecars of the pods that the Service selects get when they are injected ([kubernetes.md](kubernetes.md#what-a-sidecar-gets)). It is of the whole Service, so no target may name a port beside it.',
    ['| field of `spec` | value | default | what and why |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
