// From a method's name and JSON to the bytes of its request messages, by descriptors, wherever those came from.

import {
  type DescMethod,
  type FileRegistry,
  fromJson,
  type JsonValue,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { fail, type Issue, nearestName, ok, type Result } from '../../base/index.ts';
import { loadLimits } from '../limits.ts';

/** `name`: `package.Service/Method`, with or without a slash before it, or a dot for the one inside. */
export function splitMethod(name: string): { readonly service: string; readonly method: string } | null {
  const [, service = '', method = ''] =
    /^\/?((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)[/.]([A-Za-z_]\w*)$/.exec(name) ?? [];
  return service === '' ? null : { service, method };
}

export function findMethod(registry: FileRegistry, name: string, object: string): Result<DescMethod, Issue> {
  const split = splitMethod(name);
  if (split === null)
    return fail({ object, field: 'method', rule: 'must be as package.Service/Method', value: name });
  const service = registry.getService(split.service);
  if (service === undefined) return fail(unknown(object, split.service, listServices(registry), 'service'));
  const method = service.methods.find((one) => one.name === split.method);
  if (method !== undefined) return ok(method);
  return fail(
    unknown(
      object,
      split.method,
      service.methods.map((one) => one.name),
      `method of ${service.typeName}`,
    ),
  );
}

export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

export function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
}

function listServices(registry: FileRegistry): readonly string[] {
  return [...registry].flatMap((type) => (type.kind === 'service' ? [type.typeName] : []));
}

function unknown(object: string, value: string, names: readonly string[], what: string): Issue {
  const near = nearestName(value, names);
  const known = names.length > 0 && names.length <= 10 ? `, one of ${names.join(', ')}` : '';
  return {
    object,
    field: 'method',
    rule: `must name a ${what}${near === null ? known : `; did you mean ${near}?`}`,
    value,
  };
}

/** The messages as protobuf; each in the JSON that protobuf defines for it. */
export function encodeMessages(
  method: DescMethod,
  values: readonly JsonValue[],
  registry: Registry,
  object: string,
): Result<readonly Uint8Array[]> {
  if (values.length > loadLimits.messagesMax)
    return fail([
      {
        object,
        field: 'data',
        rule: `must have at most ${loadLimits.messagesMax} messages`,
        value: `${values.length}`,
      },
    ]);
  const issues: Issue[] = [];
  const messages = values.flatMap((value, index) => {
    try {
      return [toBinary(method.input, fromJson(method.input, value, { registry }))];
    } catch (error) {
      const rule = error instanceof Error ? error.message : String(error);
      issues.push({ object, field: values.length > 1 ? `data[${index}]` : 'data', rule, value: '' });
      return [];
    }
  });
  return issues.length > 0 ? fail(issues) : ok(messages);
}
