import { encodeFieldNames } from '../envoy-fields.ts';
import { generateCliReference } from './cli-reference.ts';
import { generateCustomResources } from './custom-resources.ts';
import { generateEnvoyCompat } from './envoy-compat.ts';
import { generateJsonReference } from './json-reference.ts';
import { generateMetrics } from './metrics.ts';
import { generatePolicyReference } from './policy-reference.ts';

export interface GeneratedDocument {
  readonly path: string;
  readonly generate: () => Promise<string>;
}

/** Every page that is made from code; CI compares them. */
export const documents: readonly GeneratedDocument[] = [
  { path: 'docs/custom-resources.yaml', generate: generateCustomResources },
  { path: 'docs/cli.md', generate: generateCliReference },
  { path: 'docs/envoy-compat.md', generate: generateEnvoyCompat },
  { path: 'docs/json.md', generate: generateJsonReference },
  { path: 'docs/metrics.md', generate: generateMetrics },
  { path: 'docs/policy.md', generate: generatePolicyReference },
  { path: 'src/proxy/config/schema/field-names.gen.ts', generate: async () => encodeFieldNames() },
];
