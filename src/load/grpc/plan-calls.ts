// Calls whose messages are JSON, made ready: the method is looked up by descriptors and its messages are encoded.
// Loaded only when a call needs it, so that other runs pay for no compiler.

import type { DescMethod, FileRegistry } from '@bufbuild/protobuf';
import { type Clock, fail, type Issue, ok, type Result } from '../../base/index.ts';
import type { Address, Network, TlsClient } from '../../net/index.ts';
import { loadLimits } from '../limits.ts';
import {
  type DescriptorSources,
  frameMessages,
  type JsonMessages,
  type ScenarioRequest,
} from '../scenario.ts';
import { encodeMessages, findMethod, methodPath, splitMethod, takesStream } from './call-messages.ts';
import { type ReadText, readProtos } from './read-protos.ts';
import { reflect } from './reflection.ts';

export interface CallPlanning {
  readonly network: Network;
  readonly clock: Clock;
  readonly read: ReadText;
  addressOf(request: ScenarioRequest): Address;
  /** null: in the clear. */
  tlsOf(request: ScenarioRequest): TlsClient | null;
  /** What faults are reported against. */
  readonly object: string;
}

/** A unary call with several messages becomes as many requests, which share its weight's turns. */
export async function planCalls(
  requests: readonly ScenarioRequest[],
  sources: DescriptorSources,
  planning: CallPlanning,
): Promise<Result<readonly ScenarioRequest[]>> {
  const registries = new Registries(sources, planning);
  const issues: Issue[] = [];
  const planned: ScenarioRequest[] = [];
  for (const request of requests) {
    if (request.json === null) {
      planned.push(request);
      continue;
    }
    const registry = await registries.of(request);
    const calls = registry.ok ? planCall(request, request.json, registry.value, planning.object) : registry;
    if (calls.ok) planned.push(...calls.value);
    else issues.push(...calls.error);
  }
  return issues.length > 0 ? fail(issues) : ok(planned);
}

class Registries {
  private readonly sources: DescriptorSources;
  private readonly planning: CallPlanning;
  /** Of .proto files, one for all; of reflection, one for each server and service. */
  private readonly known = new Map<string, Result<FileRegistry>>();

  constructor(sources: DescriptorSources, planning: CallPlanning) {
    this.sources = sources;
    this.planning = planning;
  }

  async of(request: ScenarioRequest): Promise<Result<FileRegistry>> {
    const service = splitMethod(request.path)?.service ?? '';
    const key = this.sources.reflection ? `${request.secure} ${request.host} ${request.port} ${service}` : '';
    const known = this.known.get(key) ?? (await this.learn(request, service));
    this.known.set(key, known);
    return known;
  }

  private async learn(request: ScenarioRequest, service: string): Promise<Result<FileRegistry>> {
    const { network, clock, read, object } = this.planning;
    if (!this.sources.reflection)
      return readProtos({ files: this.sources.proto, importPaths: this.sources.importPaths, read });
    if (service === '')
      return fail([
        { object, field: 'url', rule: 'must end in package.Service/Method', value: request.path },
      ]);
    const address = this.planning.addressOf(request);
    const headers = request.headers.filter(([name]) => !callHeaders.has(name));
    const tls = this.planning.tlsOf(request);
    const { authority } = request;
    const told = await reflect({ network, clock, address, tls, authority, headers }, service);
    return told.ok ? told : fail([told.error]);
  }
}

/** Those that every call has of its own. */
const callHeaders: ReadonlySet<string> = new Set(['content-type', 'te', 'grpc-timeout']);

function planCall(
  request: ScenarioRequest,
  json: JsonMessages,
  registry: FileRegistry,
  object: string,
): Result<readonly ScenarioRequest[]> {
  const found = findMethod(registry, request.path, object);
  if (!found.ok) return fail([found.error]);
  const method = found.value;
  const path = methodPath(method);
  const encoded = encodeMessages(method, json.values, registry, `${object} ${path.slice(1)}`);
  if (!encoded.ok) return encoded;
  const bodies = takesStream(method) ? repeat(encoded.value, json.count) : encoded.value;
  const issue = judge(method, json, bodies, object);
  if (issue !== null) return fail([issue]);
  const calls = takesStream(method) ? [bodies] : bodies.map((body) => [body]);
  return ok(calls.map((messages) => ({ ...request, path, json: null, ...frame(request, messages) })));
}

function judge(
  method: DescMethod,
  { values, count }: JsonMessages,
  bodies: readonly Uint8Array[],
  object: string,
): Issue | null {
  const of = `${object} ${methodPath(method).slice(1)}`;
  const bytes = bodies.reduce((sum, { length }) => sum + length, 0);
  if (!takesStream(method) && values.length === 0)
    return { object: of, field: 'data', rule: 'must have a message', value: '' };
  if (!takesStream(method) && count > 0)
    return {
      object: of,
      field: 'messages',
      rule: 'must stand with a method that takes a stream',
      value: `${count}`,
    };
  if (bytes > loadLimits.bodyBytesMax)
    return {
      object: of,
      field: 'data',
      rule: `must have at most ${loadLimits.bodyBytesMax} bytes`,
      value: `${bytes}`,
    };
  return null;
}

function repeat(messages: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  if (count === 0 || messages.length === 0) return messages;
  return Array.from({ length: count }, (_, index) => messages[index % messages.length]!);
}

function frame(
  request: ScenarioRequest,
  messages: readonly Uint8Array[],
): Pick<ScenarioRequest, 'body' | 'call'> {
  const { body, messageBytes } = frameMessages(messages);
  const call = request.call === null ? null : { ...request.call, messageBytes };
  return { body: messages.length === 0 ? null : body, call };
}
