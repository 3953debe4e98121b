// A secret in a file, as Envoy reads it (SDS by path_config_source): a DiscoveryResponse in JSON or YAML.

import { fail, formatIssue, ok, type Result } from '../../base/index.ts';
import { parseText } from '../../net/index.ts';
import { decodeJson, Faults, secret } from './schema/index.ts';
import type { SecretConfig } from './tls-types.ts';
import { translateSecret } from './translate/index.ts';

const secretType = `type.googleapis.com/${secret.name}`;

/** A fault says what is wrong with the file, or that the secret is not in it. Never what is in it. */
export function parseSecretFile(text: string, name: string): Result<SecretConfig, string> {
  const resources = readResources(text);
  if (resources === null) return fail('is no DiscoveryResponse in JSON or YAML');
  const found = resources.filter((resource) => resource['name'] === name || resource['name'] === undefined);
  const [resource] = found;
  if (resource === undefined) return fail(`does not hold the secret ${name}`);
  if (found.length > 1) return fail(`holds the secret ${name} twice`);
  const { '@type': type, ...fields } = resource;
  if (type !== secretType) return fail(`holds ${String(type)}, and must hold ${secretType}`);
  const faults = new Faults(name);
  const config = translateSecret(decodeJson(secret, fields, '', faults), '', faults);
  // Values may be keys: only the path and the rule are told.
  const issues = faults.issues.map(({ object, field, rule }) =>
    formatIssue({ object, field, rule, value: '' }),
  );
  return config === null || issues.length > 0 ? fail(`is refused: ${issues.join('; ')}`) : ok(config);
}

type Resource = Readonly<Record<string, unknown>>;

function readResources(text: string): readonly Resource[] | null {
  try {
    const document = parseText(text);
    const resources = (document as { resources?: unknown } | null)?.resources;
    if (!Array.isArray(resources)) return null;
    return resources.every((resource) => typeof resource === 'object' && resource !== null)
      ? resources
      : null;
  } catch {
    return null;
  }
}
