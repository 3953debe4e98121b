// docs/envoy-compat.md: what of Envoy's API the proxy takes, made from the tables that decide it.

import { bootstrap } from '../../src/proxy/config/schema/bootstrap.ts';
import type { Field, FieldType, MessageSpec } from '../../src/proxy/config/schema/field.ts';
import { namesOf } from '../../src/proxy/config/schema/settle.ts';
import { reachableMessages } from '../envoy-fields.ts';

const introduction = `# What Weft's proxy takes of Envoy's API

Made from the proxy's own tables by \`npm run documents\`. Whatever is not listed here as supported is refused by the field's path: in a bootstrap
before the proxy starts, in a resource from a control plane by a NACK that names it; the version before it stays in force. Nothing that
could change what happens to a request is ignored; the few fields that are taken without effect (type "ignored", or a note that says so) only
tune or report. A field means what it means in Envoy 1.40, with Envoy's default, unless its row says otherwise. Towards
endpoints x-envoy-attempt-count is always sent, and Envoy's x-envoy-original-host never is; the texts of Weft's own answers differ. A rewritten
prefix meets the rest of the path with one slash, and a Location leaves out its scheme's own port, as Gateway API says. Texts that are put into
messages are ASCII. A client that ends its sending half after a request is still answered
if the answer begins within 5 s, where Envoy cancels the request at once. An Upgrade on a request with a body is left out and the request served as
what it is; the bytes of a tunnel wait until both sides have agreed to one. A copy for a mirror leaves when its request is complete, without trailers.
`;

export async function generateEnvoyCompat(): Promise<string> {
  const sections = [...reachableMessages(bootstrap)].map(([name, specs]) => describeMessage(name, specs));
  return `${introduction}\n${sections.join('\n')}`;
}

function describeMessage(name: string, specs: readonly MessageSpec[]): string {
  const fields = new Map<string, Field<unknown>>();
  for (const spec of specs) for (const [field, row] of Object.entries(spec.fields)) fields.set(field, row);
  const rows = [...fields].map(
    ([field, row]) => `| \`${field}\` | ${describeType(row)} | ${row.note.replaceAll('|', '\\|')} |`,
  );
  const refused = namesOf(specs[0]!).filter((field) => field !== '' && !fields.has(field));
  const table =
    rows.length === 0
      ? 'No field is supported; the message itself is.\n'
      : `| field | type | note |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  const rest =
    refused.length === 0 ? '' : `\nRefused: ${refused.map((field) => `\`${field}\``).join(', ')}.\n`;
  return `## ${name}\n\n${table}${rest}`;
}

function describeType({ type, shape }: Field<unknown>): string {
  const text = describeOne(type);
  return shape === 'one' ? text : shape === 'repeated' ? `list of ${text}` : `map of ${text}`;
}

function describeOne(type: FieldType): string {
  switch (type.kind) {
    case 'message':
      return shortName(type.of.name);
    case 'any':
      return type.types.length === 0
        ? 'Any'
        : `Any of ${type.types.map((spec) => shortName(spec.name)).join(', ')}`;
    case 'text-value':
      return 'string';
    case 'wrapped':
      return type.of;
    case 'enum':
      return 'enum';
    default:
      return type.kind;
  }
}

/** `RouteMatch.GrpcRouteMatchOptions`: without the package. */
function shortName(name: string): string {
  return name.slice(name.search(/\.[A-Z]/) + 1);
}
